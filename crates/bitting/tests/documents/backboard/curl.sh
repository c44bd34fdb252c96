curl -X GET "https://app.backboard.io/api/assistants" \
  -H "X-API-Key: your_api_key"
