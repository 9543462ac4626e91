package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/wamp-operator/wamp-operator/router/auth"
	"github.com/wamp-operator/wamp-operator/router/config"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// What authentication.md shows can be served as it stands, with all its principals.
func TestAuthenticationShowsWhatIsServed(t *testing.T) {
	text, err := os.ReadFile("authentication.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		all = append(all, block[1])
	}
	docs, err := config.ParseDocuments("authentication.md", []byte(strings.Join(all, "---\n")))
	if err != nil {
		t.Fatal(err)
	}
	if len(docs.Realms) != 2 {
		t.Errorf("%d realms are shown", len(docs.Realms))
	}
	for _, realm := range docs.Realms {
		if problems := auth.CompileWith(realm, auth.Options{Secret: docs.Secret}).Problems(); len(problems) > 0 {
			t.Error(problems)
		}
	}
}
