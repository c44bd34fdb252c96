// Load from environment
const apiKey = process.env.PRODUCT_API_KEY;

if (!apiKey) {
  throw new Error('API key not found');
}

// Create client
async function makeRequest(endpoint, options = {}) {
  const response = await fetch(
    `https://api.example.com/v1${endpoint}`,
    {
      ...options,
      headers: {
        'Authorization': `Bearer ${apiKey}`,
        'Content-Type': 'application/json',
        ...options.headers
      }
    }
  );
  
  // Check rate limits
  const remaining = response.headers.get('X-RateLimit-Remaining');
  if (remaining < 100) {
    console.warn('Rate limit low:', remaining);
  }
  
  // Handle errors
  if (!response.ok) {
    const error = await response.json();
    throw new Error(error.message);
  }
  
  return response.json();
}

// Use it
const tasks = await makeRequest('/tasks');
