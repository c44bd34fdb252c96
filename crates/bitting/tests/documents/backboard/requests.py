import requests

headers = {"X-API-Key": "your_api_key"}
response = requests.get(
    "https://app.backboard.io/api/assistants",
    headers=headers
)
