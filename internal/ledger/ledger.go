// Package ledger makes facts provable. It is pure: it knows no database and no clock.
//
// # Leaves and tree
//
// A log is a list of leaves, numbered from 0 without a gap, and the Merkle tree of RFC 6962 over them:
//
//	leaf hash = SHA-256(0x00 || leaf)        node hash = SHA-256(0x01 || left || right)
//
// A leaf binds one row of the database. It is compact JSON with these fields in this order:
//
//	{"row":"card_version","key":["C-0001",2],"sha256":"<base64 of the row's hash>"}
//
// key holds the values of the row's primary key, text as a JSON string, a number as a JSON number; it is left
// out when the primary key is the leaf's own number. Keys are never personal data, for a leaf is kept for ever.
//
// # The hash of a row
//
// The hash is SHA-256(salt || canonical bytes). The salt is 16 random bytes stored beside the row: who holds
// only the leaf cannot guess the row, and erasing salt and row leaves the proofs whole. The canonical bytes are
//
//	"kanmon row v1\n"
//	size(table) table
//	count of the fields that follow
//	for each column that is not NULL, in the byte order of the names:
//	    size(name) name
//	    't' size(text) text | 'i' 8 bytes | 'b' size(bytes) bytes
//
// where sizes and counts are 4 bytes and integers 8 bytes in two's complement, most significant byte first. A
// NULL column is left out, so that a column added later, empty in the old rows, does not disturb them.
//
// # Checkpoints
//
// A checkpoint is a C2SP signed note (https://c2sp.org/tlog-checkpoint): the origin, the number of leaves in
// decimal, the root in base64, each on a line, then an empty line and an Ed25519 signature under the name of
// the origin. Origin names are like "kanmon.example/site": no spaces, no plus sign.
//
// # Origins
//
// The key of a log can be replaced. The tree goes on; the next key signs under the next origin: after
// "kanmon.example/site" come "kanmon.example/site/2", "kanmon.example/site/3" and so on. What the keys before
// signed stays and is checked with their public keys. A checkpoint that is larger than one of a later origin is
// forged: its key had left. A key that leaves signs a farewell, a note of four lines under its own origin:
//
//	kanmon checkpoint farewell v1
//	<the leaving origin>
//	<how many leaves the largest tree had that it signed>
//	<the public key of the next origin, in note form: origin+hash+base64>
//
// Who holds any key of the log follows it by these to the present one, and takes nothing larger of a key that left.
package ledger
