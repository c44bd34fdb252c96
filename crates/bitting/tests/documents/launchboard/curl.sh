curl https://launchboard.xyz/api/v1/stakeholders \
  -H "Authorization: Bearer pg_live_your_key_here"
