package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
)

func TestMain(m *testing.M) {
	for k, v := range map[string]string{
		"T_DB": "postgres://x", "T_KEY": strings.Repeat("0f", 32), "T_EMPTY": "",
		"DATABASE_URL": "postgres://x", "REPAIRD_KEY": strings.Repeat("0f", 32),
	} {
		os.Setenv(k, v)
	}
	os.Exit(m.Run())
}

func TestBadConfigurationsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(data), "\n")
			want := strings.TrimPrefix(first, "# error: ")
			_, err = config.Parse(data, "testdata")
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error with %q", err, want)
			}
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("got kind %v, want invalid", fault.KindOf(err))
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Error("the error shows a password")
			}
		})
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Parse([]byte("listen: nowhere\nlease: 1ms\nworkers: 99\n"), "")
	for _, want := range []string{"listen", "lease", "workers", "database", "encryption_key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}

func TestTheExampleIsValidAndHoldsEveryKey(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../deploy/repaird.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Parse(data, "../../deploy"); err != nil {
		t.Fatal(err)
	}
	shown, err := yaml.Marshal(config.Config{
		GitHub: &config.GitHub{}, Projects: []config.Project{{Sentry: &config.Sentry{}, OTLP: &config.OTLP{}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(shown), "\n") {
		key, _, ok := strings.Cut(strings.TrimLeft(line, " -"), ":")
		if ok && !strings.Contains(string(data), key+":") {
			t.Errorf("the example does not mention %s", key)
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte("database: env:T_DB\nencryption_key: env:T_KEY\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	asYAML, _ := yaml.Marshal(c)
	asJSON, _ := json.Marshal(c)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("config", "c", c, "db", c.Database)
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v", c, c, c.Database), string(asYAML), string(asJSON), log.String()} {
		if strings.Contains(shown, "postgres://x") || strings.Contains(shown, "0f0f") {
			t.Errorf("a secret is shown: %s", shown)
		}
	}
	if c.Database.Reveal() != "postgres://x" {
		t.Error("the secret was not read")
	}
}
