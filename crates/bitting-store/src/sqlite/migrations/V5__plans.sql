-- The account's plan by its name in the configuration; NULL is the API's first.
ALTER TABLE account ADD COLUMN plan TEXT;

-- A key's own numbers for limits of its plan, {"hour": 50}; NULL is none. Most keys have none.
ALTER TABLE api_key ADD COLUMN limits TEXT;
