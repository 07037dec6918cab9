// Package archtest holds the tests about the tree: who may import whom, which outside library has which one
// importer, which register owns which table, and the lists that may not grow. It has no code of its own.
package archtest
