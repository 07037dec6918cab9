//go:build !windows

package pcsc

// escapeCode makes the control code by which pcscd's CCID driver passes commands on to the reader, once its configuration allows that (ifdDriverOptions 0x0001).
const escapeCode = 1
