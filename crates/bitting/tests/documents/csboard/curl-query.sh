curl "https://csboard.com/v1/listings?api_key=csb_pub_..."
