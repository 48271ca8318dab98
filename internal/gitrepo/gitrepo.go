// Package gitrepo keeps mirrors of repositories and checks out single commits
// as plain trees, through the git command, with everything in a repository that
// could run code switched off.
package gitrepo
