curl https://csboard.com/v1/listings \
  -H "Authorization: Bearer csb_pub_..."
