const res = await fetch('https://launchboard.xyz/api/v1/stakeholders', {
  headers: { 'Authorization': 'Bearer pg_live_your_key_here' }
});
const data = await res.json();
