// Package archtest holds the tests of the project's structure: which package
// may import which, what packages are called, and that each says what it is.
// docs/design.md §3 shows the same table for people.
package archtest
