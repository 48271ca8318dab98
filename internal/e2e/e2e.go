// Package e2e holds the tests of the whole: a real daemon process, real
// PostgreSQL, real sandboxes and real clients; events in, pull requests out, on
// a GitHub of our own that checks every request against GitHub's description.
package e2e
