package githubtest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var shaRE = regexp.MustCompile(`^[0-9a-f]{40}$`)

// handlers maps method and path template to handlers, which run with the server's
// mu held.
var handlers map[string]func(*call) (int, any)

func init() {
	handlers = map[string]func(*call) (int, any){
		"GET /app": func(c *call) (int, any) { return http.StatusOK, c.s.spec.example("GET", "/app", "200") },
		"POST /app/installations/{installation_id}/access_tokens": (*call).createToken,
		"GET " + repoPath + "/installation":                       (*call).installationOf,
		"GET " + repoPath:                                         (*call).getRepository,
		"POST " + repoPath + "/git/blobs":                         (*call).createBlob,
		"GET " + repoPath + "/git/blobs/{file_sha}":               (*call).getBlob,
		"GET " + repoPath + "/git/trees/{tree_sha}":               (*call).getTree,
		"POST " + repoPath + "/git/trees":                         (*call).createTree,
		"GET " + repoPath + "/git/commits/{commit_sha}":           (*call).getCommit,
		"POST " + repoPath + "/git/commits":                       (*call).createCommit,
		"GET " + repoPath + "/git/ref/{ref}":                      (*call).getRef,
		"POST " + repoPath + "/git/refs":                          (*call).createRef,
		"PATCH " + repoPath + "/git/refs/{ref}":                   (*call).updateRef,
		"DELETE " + repoPath + "/git/refs/{ref}":                  (*call).deleteRef,
		"GET " + repoPath + "/pulls":                              (*call).listPulls,
		"POST " + repoPath + "/pulls":                             (*call).createPull,
		"GET " + repoPath + "/pulls/{pull_number}":                (*call).getPull,
		"PATCH " + repoPath + "/pulls/{pull_number}":              (*call).updatePull,
		"GET " + repoPath + "/issues/{issue_number}/comments":     (*call).listComments,
		"POST " + repoPath + "/issues/{issue_number}/comments":    (*call).createComment,
		"GET " + repoPath + "/issues/{issue_number}/labels":       (*call).listLabels,
		"POST " + repoPath + "/issues/{issue_number}/labels":      (*call).addLabels,
		"GET " + repoPath + "/commits/{ref}/check-runs":           (*call).listRuns,
		"POST " + repoPath + "/check-runs":                        (*call).createRun,
		"GET " + repoPath + "/commits/{ref}/statuses":             (*call).listStatuses,
		"POST " + repoPath + "/statuses/{sha}":                    (*call).createStatus,
	}
}

func (c *call) api(format string, args ...any) string {
	return "http://" + c.r.Host + "/repos/" + c.repo.Name + fmt.Sprintf(format, args...)
}

func (c *call) web(format string, args ...any) string {
	return "http://" + c.r.Host + "/" + c.repo.Name + fmt.Sprintf(format, args...)
}

func (c *call) stamp() string { return c.s.o.Now().UTC().Format(time.RFC3339) }

func text(v any) string { s, _ := v.(string); return s }

func (c *call) getRepository() (int, any) {
	v := c.s.spec.example("GET", repoPath, "200")
	c.fillRepository(v)
	return http.StatusOK, v
}

func (c *call) fillRepository(v map[string]any) {
	_, name, _ := strings.Cut(c.repo.Name, "/")
	v["id"], v["name"], v["full_name"] = c.repo.id, name, c.repo.Name
	v["default_branch"], v["private"], v["fork"] = c.repo.DefaultBranch, false, false
	v["html_url"], v["url"] = c.web(""), c.api("")
	v["language"] = nil // required, but missing from the example
	for _, k := range []string{"parent", "source", "template_repository"} {
		delete(v, k)
	}
	if owner, ok := v["owner"].(map[string]any); ok {
		owner["login"], _, _ = strings.Cut(c.repo.Name, "/")
	}
}

func (c *call) createBlob() (int, any) {
	data := []byte(text(c.body["content"]))
	if text(c.body["encoding"]) == "base64" {
		var err error
		if data, err = base64.StdEncoding.DecodeString(string(data)); err != nil {
			return invalid("Blob", "content", "content is not valid Base64")
		}
	}
	out, err := c.repo.git.run(data, nil, "hash-object", "-w", "--stdin")
	if err != nil {
		return broken(err)
	}
	sha := strings.TrimSpace(out)
	return http.StatusCreated, map[string]any{"sha": sha, "url": c.api("/git/blobs/%s", sha)}
}

func (c *call) getBlob() (int, any) {
	sha := c.params["file_sha"]
	if c.repo.git.kind(sha) != "blob" {
		return http.StatusNotFound, message("Not Found")
	}
	data, err := c.repo.git.run(nil, nil, "cat-file", "blob", sha)
	if err != nil {
		return broken(err)
	}
	v := c.s.spec.example("GET", c.template, "200")
	v["sha"], v["size"], v["encoding"] = sha, len(data), "base64"
	v["content"], v["url"] = base64.StdEncoding.EncodeToString([]byte(data)), c.api("/git/blobs/%s", sha)
	return http.StatusOK, v
}

func (c *call) treeValue(sha string, recursive bool) (map[string]any, error) {
	entries, err := c.repo.git.list(sha, recursive)
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, e := range entries {
		row := map[string]any{"path": e.path, "mode": e.mode, "type": e.kind, "sha": e.sha, "url": c.api("/git/%ss/%s", e.kind, e.sha)}
		if e.kind == "blob" {
			row["size"] = 1
		}
		rows = append(rows, row)
	}
	return map[string]any{"sha": sha, "url": c.api("/git/trees/%s", sha), "tree": rows, "truncated": false}, nil
}

func (c *call) getTree() (int, any) {
	sha := c.repo.git.ref(c.params["tree_sha"] + "^{tree}")
	if sha == "" {
		return http.StatusNotFound, message("Not Found")
	}
	v, err := c.treeValue(sha, c.r.URL.Query().Get("recursive") != "")
	if err != nil {
		return broken(err)
	}
	return http.StatusOK, v
}

func (c *call) createTree() (int, any) {
	base := text(c.body["base_tree"])
	if base != "" {
		if base = c.repo.git.ref(base + "^{tree}"); base == "" {
			return http.StatusUnprocessableEntity, message("base_tree is not a valid tree oid")
		}
	}
	var entries []treeEntry
	for _, row := range list(c.body["tree"]) {
		m, _ := row.(map[string]any)
		e := treeEntry{mode: text(m["mode"]), kind: text(m["type"]), sha: text(m["sha"]), path: text(m["path"])}
		content, hasContent := m["content"].(string)
		sha, hasSHA := m["sha"]
		switch {
		case e.path == "" || strings.HasPrefix(e.path, "/") || strings.Contains("/"+e.path+"/", "/../") || strings.Contains("/"+e.path+"/", "/.git/"):
			return http.StatusUnprocessableEntity, message("tree.path contains a malformed path component")
		case hasContent && hasSHA:
			return http.StatusUnprocessableEntity, message("Must supply either tree.sha or tree.content")
		case hasContent:
			out, err := c.repo.git.run([]byte(content), nil, "hash-object", "-w", "--stdin")
			if err != nil {
				return broken(err)
			}
			e.sha = strings.TrimSpace(out)
		case !hasSHA:
			return http.StatusUnprocessableEntity, message("Must supply tree.sha or tree.content")
		case sha == nil && c.repo.git.ref(base+":"+e.path) == "":
			return http.StatusUnprocessableEntity, message("GitRPC::BadObjectState")
		case sha != nil && c.repo.git.kind(e.sha) != "blob":
			return http.StatusUnprocessableEntity, message("tree.sha " + e.sha + " is not a valid blob")
		}
		if strings.HasPrefix(e.path, ".github/workflows/") && c.token.app {
			return http.StatusForbidden, message("Resource not accessible by integration")
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return http.StatusUnprocessableEntity, message("Invalid tree info")
	}
	sha, err := c.repo.git.overlay(base, entries)
	if err != nil {
		return broken(err)
	}
	v, err := c.treeValue(sha, false)
	if err != nil {
		return broken(err)
	}
	return http.StatusCreated, v
}

func (c *call) getCommit() (int, any) {
	sha := c.params["commit_sha"]
	if c.repo.git.kind(sha) != "commit" {
		return http.StatusNotFound, message("Not Found")
	}
	v, err := c.commitValue(sha)
	if err != nil {
		return broken(err)
	}
	return http.StatusOK, v
}

func (c *call) commitValue(sha string) (map[string]any, error) {
	info, err := c.repo.git.commit(sha)
	if err != nil {
		return nil, err
	}
	parents := []any{}
	for _, p := range info.parents {
		parents = append(parents, map[string]any{"sha": p, "url": c.api("/git/commits/%s", p), "html_url": c.web("/commit/%s", p)})
	}
	// GitHub signs the commits that it creates.
	signed := info.committerEmail == githubEmail
	verification := map[string]any{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
	if signed {
		verification = map[string]any{"verified": true, "reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----", "payload": "tree " + info.tree, "verified_at": info.committerAt}
	}
	return map[string]any{
		"sha": sha, "node_id": "C_" + sha[:12], "url": c.api("/git/commits/%s", sha), "html_url": c.web("/commit/%s", sha),
		"message": info.message, "parents": parents, "verification": verification,
		"tree":      map[string]any{"sha": info.tree, "url": c.api("/git/trees/%s", info.tree)},
		"author":    map[string]any{"name": info.authorName, "email": info.authorEmail, "date": info.authorAt},
		"committer": map[string]any{"name": info.committerName, "email": info.committerEmail, "date": info.committerAt},
	}, nil
}

const githubEmail = "noreply@github.com"

func (c *call) createCommit() (int, any) {
	tree := text(c.body["tree"])
	if c.repo.git.kind(tree) != "tree" {
		return http.StatusUnprocessableEntity, message("Tree SHA does not exist")
	}
	var parents []string
	for _, p := range list(c.body["parents"]) {
		if c.repo.git.kind(text(p)) != "commit" {
			return http.StatusUnprocessableEntity, message("Parent SHA does not exist or is not a commit object")
		}
		parents = append(parents, text(p))
	}
	who := func(v any, name, email string) (string, string) {
		if m, ok := v.(map[string]any); ok {
			return text(m["name"]), text(m["email"])
		}
		return name, email
	}
	an, ae := who(c.body["author"], c.token.login, "1+"+c.token.login+"@users.noreply.github.com")
	cn, ce := who(c.body["committer"], an, ae)
	if c.token.app && c.body["author"] == nil && c.body["committer"] == nil {
		cn, ce = "GitHub", githubEmail
	}
	date := fmt.Sprintf("@%d +0000", c.s.o.Now().Unix())
	sha, err := c.repo.git.makeCommit(tree, text(c.body["message"]), parents, []string{
		"GIT_AUTHOR_NAME=" + an, "GIT_AUTHOR_EMAIL=" + ae, "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=" + cn, "GIT_COMMITTER_EMAIL=" + ce, "GIT_COMMITTER_DATE=" + date,
	})
	if err != nil {
		return broken(err)
	}
	v, err := c.commitValue(sha)
	if err != nil {
		return broken(err)
	}
	return http.StatusCreated, v
}

func (c *call) refValue(ref, sha string) map[string]any {
	return map[string]any{
		"ref": ref, "node_id": "REF_" + sha[:12], "url": c.api("/git/%s", ref),
		"object": map[string]any{"type": "commit", "sha": sha, "url": c.api("/git/commits/%s", sha)},
	}
}

func (c *call) getRef() (int, any) {
	ref := "refs/" + c.params["ref"]
	sha := c.repo.git.ref(ref)
	if sha == "" {
		return http.StatusNotFound, message("Not Found")
	}
	return http.StatusOK, c.refValue(ref, sha)
}

func (c *call) createRef() (int, any) {
	ref, sha := text(c.body["ref"]), text(c.body["sha"])
	switch {
	case !strings.HasPrefix(ref, "refs/") || strings.Count(ref, "/") < 2:
		return http.StatusUnprocessableEntity, message("Reference name must start with 'refs/' and contain at least three slashes.")
	case c.repo.git.kind(sha) != "commit":
		return http.StatusUnprocessableEntity, message("Object does not exist")
	case c.repo.git.ref(ref) != "":
		return http.StatusUnprocessableEntity, message("Reference already exists")
	}
	if _, err := c.repo.git.line("update-ref", ref, sha, strings.Repeat("0", 40)); err != nil {
		return broken(err)
	}
	return http.StatusCreated, c.refValue(ref, sha)
}

func (c *call) updateRef() (int, any) {
	ref, sha := "refs/"+c.params["ref"], text(c.body["sha"])
	old := c.repo.git.ref(ref)
	switch {
	case old == "":
		return http.StatusUnprocessableEntity, message("Reference does not exist")
	case c.repo.git.kind(sha) != "commit":
		return http.StatusUnprocessableEntity, message("Object does not exist")
	}
	if _, err := c.repo.git.line("merge-base", "--is-ancestor", old, sha); err != nil && c.body["force"] != true {
		return http.StatusUnprocessableEntity, message("Update is not a fast forward")
	}
	if _, err := c.repo.git.line("update-ref", ref, sha, old); err != nil {
		return broken(err)
	}
	return http.StatusOK, c.refValue(ref, sha)
}

func (c *call) deleteRef() (int, any) {
	ref := "refs/" + c.params["ref"]
	if c.repo.git.ref(ref) == "" {
		return http.StatusUnprocessableEntity, message("Reference does not exist")
	}
	if _, err := c.repo.git.line("update-ref", "-d", ref); err != nil {
		return broken(err)
	}
	return http.StatusNoContent, nil
}

func broken(err error) (int, any) {
	return http.StatusInternalServerError, message("Server Error: " + firstLine(err))
}
