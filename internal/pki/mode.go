//go:build !windows

package pki

// forOthers are the bits of a file's mode that let others than its owner have it.
const forOthers = 0o077
