// Package readertest is for tests only. It holds the promises that every reader adapter makes to the
// controller, as a suite that an adapter runs against itself (Run), a fake adapter that keeps them and can be
// told to break them (Fake), and a pseudo terminal as the serial line of a test (OpenPTY).
package readertest
