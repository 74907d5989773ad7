package cli

import "testing"

func TestSettingRemedyIsTakenOutOfTheText(t *testing.T) {
	for text, want := range map[string][2]string{
		"nobody may use the fleet: name at least one repository or owner": {"nobody may use the fleet", "name at least one repository or owner"},
		"settings.yml:3:5: listen: \"x\" is no address: write HOST:PORT, such as 127.0.0.1:8080": {
			"settings.yml:3:5: listen: \"x\" is no address", "write HOST:PORT, such as 127.0.0.1:8080",
		},
		"isolation is none and allow_public names a/b: without isolation anyone could take this machine over; remove one of the two": {
			"isolation is none and allow_public names a/b: without isolation anyone could take this machine over", "remove one of the two",
		},
		"github_url: http://ghe would send the credential unencrypted: write https://": {
			"github_url: http://ghe would send the credential unencrypted", "write https://",
		},
		"owner: \"a b\" is no name of an organisation or user": {
			"owner: \"a b\" is no name of an organisation or user", "correct it; docs/settings.md explains every setting",
		},
	} {
		if detail, remedy := settingRemedy(text); detail != want[0] || remedy != want[1] {
			t.Errorf("%q: %q and %q, want %q and %q", text, detail, remedy, want[0], want[1])
		}
	}
}
