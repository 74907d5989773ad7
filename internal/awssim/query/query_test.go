package query_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
)

type common struct {
	DryRun bool `form:"DryRun"`
}

type inner struct {
	Name   string   `form:"Name"`
	Values []string `form:"Value"`
}

type request struct {
	common
	Count   *int       `form:"Count"`
	Price   float64    `form:"Price"`
	Filters []inner    `form:"Filter"`
	One     *inner     `form:"One"`
	At      time.Time  `form:"At"`
	Noticed *query.Raw `form:"Noticed"`
}

func TestParametersAreReadByTheirPaths(t *testing.T) {
	var got request
	err := query.Decode(url.Values{
		"DryRun": {"true"}, "Count": {"3"}, "Price": {"0.5"}, "At": {"2026-03-01T12:00:00Z"}, "One.Name": {"x"}, "Noticed.Any.1.Thing": {"y"},
		"Filter.2.Name": {"b"}, "Filter.1.Name": {"a"}, "Filter.1.Value.1": {"1"}, "Filter.1.Value.10": {"10"}, "Filter.1.Value.2": {"2"},
	}, &got)
	if err != nil {
		t.Fatal(err)
	}
	count := 3
	want := request{
		common: common{true}, Count: &count, Price: 0.5, At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), One: &inner{Name: "x"}, Noticed: &query.Raw{},
		Filters: []inner{{"a", []string{"1", "2", "10"}}, {"b", nil}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(request{})); diff != "" {
		t.Error(diff)
	}
}

// Page "errors-overview".
func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for _, c := range []struct{ name, parameter, value, code string }{
		{"a parameter that does not exist", "Filters.1.Name", "a", "UnknownParameter"},
		{"one that does not exist within another", "One.Size", "1", "UnknownParameter"},
		{"a list without numbers", "Filter.Name", "a", "UnknownParameter"},
		{"a list from nought", "Filter.0.Name", "a", "UnknownParameter"},
		{"a value where there are parts", "One", "a", "UnknownParameter"},
		{"parts where there is a value", "Price.Amount", "1", "UnknownParameter"},
		{"letters for a number", "Count", "three", "InvalidParameterValue"},
		{"a number that is too large", "Count", "99999999999", "InvalidParameterValue"},
		{"a word for a boolean", "DryRun", "maybe", "InvalidParameterValue"},
		{"a date for a time", "At", "2026-03-01", "InvalidParameterValue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := query.Decode(url.Values{c.parameter: {c.value}}, &request{})
			var refused *query.Error
			if !errors.As(err, &refused) || refused.Code != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("Filter.1.Name=a&Filter.1.Value.1=b&Count=3")
	f.Add("One.Name=x&One=y&.=&Filter.-1=")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		err = query.Decode(form, &request{})
		var refused *query.Error
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%v is no refusal", err)
		}
	})
}

type thing struct {
	Name string `xml:"name"`
}

func TestAnAnswerIsEscaped(t *testing.T) {
	b, err := query.Answer("DescribeThings", "r-1", thing{"<a & b>"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeThingsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">" +
		"<requestId>r-1</requestId><name>&lt;a &amp; b&gt;</name></DescribeThingsResponse>"
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
}
