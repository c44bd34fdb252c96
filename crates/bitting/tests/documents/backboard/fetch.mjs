const response = await fetch("https://app.backboard.io/api/assistants", {
  headers: {
    "X-API-Key": "your_api_key"
  }
});
