// Package pki makes, keeps and checks the keys and certificates of a site. It uses the standard library alone.
//
//   - Sealer and Vault keep secrets on disk, encrypted under one sealing key.
//   - SigningKey (Ed25519) is a controller's key, for its certificate and its messages, and the centre's for what it sends.
//     BoxKey (X25519) receives a secret by HPKE (RFC 9180).
//   - CA is the device authority of a site (ECDSA P-256: browsers do not take Ed25519, and it signs the console's certificate too).
//   - Token is what a person carries to a new controller: a secret to be used once, and the pin of the authority.
//   - Announcement lets a command key that is known name the ones to come.
//   - The *TLS functions make the only TLS configurations of the product. Each takes its clock, so that a machine that starts
//     in 1970 can be given the floor of what is certainly past (ClockFloor).
//
// Trust: who has the sealing key and the sealed files has the secrets. Kept beside each other they protect a backup of the one without
// the other, nothing more; a systemd credential, which systemd can bind to a TPM, protects the disk too.
package pki
