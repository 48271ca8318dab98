package githubtest

import (
	"net/http"
)

// A Fault is an injected failure. It applies to calls that match Method and Path
// (all calls if both are empty), after skipping Skip of them, Times times (0
// means once, negative means forever).
//
// Without Execute the call is not executed. The client sees, in this order of
// precedence: no response (Hang), a dropped connection (Drop), or Status with
// Header and Message. With none of these, an executed call gets its normal
// response. Combined with Twice, which executes the call twice and returns the
// second response, a creation gets 422 "already exists".
type Fault struct {
	Method  string            `json:"method,omitempty"`
	Path    string            `json:"path,omitempty"` // template, such as /repos/{owner}/{repo}/pulls
	Skip    int               `json:"skip,omitempty"`
	Times   int               `json:"times,omitempty"`
	Execute bool              `json:"execute,omitempty"`
	Twice   bool              `json:"twice,omitempty"`
	Drop    bool              `json:"drop,omitempty"`
	Hang    bool              `json:"hang,omitempty"`
	Status  int               `json:"status,omitempty"`
	Header  map[string]string `json:"header,omitempty"`
	Message string            `json:"message,omitempty"`
}

// ExecuteThenDrop executes the call and drops the response.
func ExecuteThenDrop(method, path string) Fault {
	return Fault{Method: method, Path: path, Execute: true, Drop: true}
}

// Reply responds without executing the call.
func Reply(method, path string, status int, text string, header map[string]string) Fault {
	return Fault{Method: method, Path: path, Status: status, Message: text, Header: header}
}

// Inject adds a fault.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// takeFault returns the fault that applies to this call, or nil. mu must be held.
func (s *Server) takeFault(method, template string) *Fault {
	for _, f := range s.faults {
		if (f.Method != "" && f.Method != method) || (f.Path != "" && f.Path != template) || f.Times == 0 {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		struck := *f
		return &struck
	}
	return nil
}

// apply has the fault's effect on the response and reports whether the connection
// is gone.
func (f *Fault) apply(w http.ResponseWriter, r *http.Request, a *answer) (gone bool) {
	switch {
	case f.Hang:
		<-r.Context().Done()
		return true
	case f.Drop:
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return true
	case f.Status != 0:
		a.status, a.header = f.Status, http.Header{"Content-Type": {"application/json; charset=utf-8"}}
		a.body = []byte(`{"message":` + quote(f.Message) + `,"documentation_url":` + quote(docs) + `}`)
		for k, v := range f.Header {
			a.header.Set(k, v)
		}
	}
	return false
}
