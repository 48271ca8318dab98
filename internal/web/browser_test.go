package web_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestAPersonAnswersInABrowser clicks through the form, without any script of
// its own and under the page's policy.
func TestAPersonAnswersInABrowser(t *testing.T) {
	t.Parallel()
	t.Log("uses-backend: chromium")
	file := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			file = found
			break
		}
	}
	switch {
	case file == "" && os.Getenv("CI") == "true":
		t.Fatal("no Chromium on this machine; deploy/setup.sh installs one")
	case file == "":
		t.Skip("no Chromium on this machine")
	}
	s := newSite(t, "open sesame")
	s.ask(quoteQuestion)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(file), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1400, 900), chromedp.WSURLReadTimeout(2*time.Minute))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, done := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_ = chromedp.Cancel(limited) // waits for the browser's end, so that its folder can be removed
		done()
		stop()
	})
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	text := func(selector string) string {
		t.Helper()
		said, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector('`+selector+`').textContent`))
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	do() // starts the browser
	do(chromedp.Navigate(s.srv.URL+"/login"), chromedp.Click(chromedp.CSS("input[name=token]")), chromedp.KeyEvent("open sesame"+kb.Enter), chromedp.WaitVisible(chromedp.CSS("table")))
	do(chromedp.Navigate(s.srv.URL + "/runs/" + s.run))
	question := text("form")
	do(chromedp.Click(chromedp.CSS("input[name=by]")), chromedp.KeyEvent("ann"), chromedp.Click(chromedp.CSS("button[value=B]")), chromedp.WaitVisible(chromedp.CSS("main[data-live]")))
	after := text("#log")
	if !strings.Contains(question, "A: returns 12") || !strings.Contains(question, "B: raises shop.TooHeavy") {
		t.Errorf("the form reads\n%s", question)
	}
	if !strings.Contains(after, "the answer of ann (on the run's page): option B: raises shop.TooHeavy") {
		t.Errorf("the ledger reads\n%s", after)
	}
	if run, err := s.db.Run(t.Context(), s.run); err != nil || run.Finished != nil || run.State != "reproduced" {
		t.Errorf("the run is %+v, %v", run, err)
	}
}
