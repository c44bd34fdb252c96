-- Each audit row's hash covers the row and the hash before it, so that no row can be altered, removed or moved without all that
-- follow being written anew. Rows from before this have none until the store is opened (sqlite/chain.rs).
ALTER TABLE audit ADD COLUMN hash BLOB;
ALTER TABLE progress ADD COLUMN audit_head BLOB; -- the hash of the last row; NULL where there is none
