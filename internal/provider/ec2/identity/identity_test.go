package identity_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/awssim/imds"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/identity"
)

func signer(t *testing.T) (*imds.Signer, *x509.Certificate) {
	t.Helper()
	s, err := imds.NewSigner()
	if err != nil {
		t.Fatal(err)
	}
	c, err := identity.Parse(s.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// document has the form of the example on the page "instance-identity-documents".
const document = `{
  "devpayProductCodes" : null,
  "marketplaceProductCodes" : [ "1abc2defghijklm3nopqrs4tu" ],
  "availabilityZone" : "us-west-2b",
  "privateIp" : "10.158.112.84",
  "version" : "2017-09-30",
  "instanceId" : "i-1234567890abcdef0",
  "billingProducts" : null,
  "instanceType" : "t2.micro",
  "accountId" : "123456789012",
  "imageId" : "ami-5fb8c835",
  "pendingTime" : "2016-11-19T16:32:11Z",
  "architecture" : "x86_64",
  "kernelId" : null,
  "ramdiskId" : null,
  "region" : "us-west-2"
}`

func sign(t *testing.T, s *imds.Signer, document string) string {
	t.Helper()
	signature, err := s.PKCS7([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func TestASignedDocumentSaysWhoTheInstanceIs(t *testing.T) {
	s, c := signer(t)
	got, err := identity.Certificates{"us-west-2": c}.Verify(document, sign(t, s, document))
	if err != nil {
		t.Fatal(err)
	}
	want := identity.Document{
		Account: "123456789012", Zone: "us-west-2b", Instance: "i-1234567890abcdef0", Type: "t2.micro", Region: "us-west-2",
		Pending: time.Date(2016, 11, 19, 16, 32, 11, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAWSDidNotSignIsRefused(t *testing.T) {
	s, c := signer(t)
	other, otherCertificate := signer(t)
	right := sign(t, s, document)
	forged := strings.Replace(document, "i-1234567890abcdef0", "i-00000000000000000", 1)
	moved := strings.Replace(document, `"us-west-2"`, `"eu-west-1"`, 1)
	certificates := identity.Certificates{"us-west-2": c, "eu-west-1": otherCertificate}
	for name, tt := range map[string]struct {
		document, signature string
		want                error
	}{
		"no signature":                        {document, "", identity.ErrUnsigned},
		"no base64":                           {document, "?", identity.ErrUnsigned},
		"no message":                          {document, base64.StdEncoding.EncodeToString([]byte("hello")), identity.ErrUnsigned},
		"half a message":                      {document, right[:len(right)/2], identity.ErrUnsigned},
		"no document":                         {"", right, identity.ErrUnsigned},
		"another document":                    {forged, right, identity.ErrUnsigned},
		"the same document with other spaces": {document + "\n", right, identity.ErrUnsigned},
		"another key":                         {document, sign(t, other, document), identity.ErrUnsigned},
		"another region's key":                {moved, sign(t, s, moved), identity.ErrUnsigned},
		"a region of which nothing is known":  {strings.Replace(document, `"us-west-2"`, `"us-moon-1"`, 1), right, identity.ErrRegion},
		"a document of many bytes":            {document + strings.Repeat(" ", identity.MaxBytes), right, identity.ErrUnsigned},
		"a certificate that came with it":     {document, withCertificate(t, document), identity.ErrUnsigned},
		"a message that nobody signed":        {document, withoutSigner(t, document), identity.ErrUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := certificates.Verify(tt.document, tt.signature); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %+v, %v; want %v", d, err, tt.want)
			}
		})
	}
}

// Every certificate that is built in is one of AWS's: issued by itself, for RSA with 2,048 bits.
func TestThePublishedCertificatesAreWhole(t *testing.T) {
	all, err := identity.AWS()
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-2", "ap-southeast-2", "us-gov-west-1"} {
		if all[region] == nil {
			t.Errorf("there is none for %s", region)
		}
	}
	for region, c := range all {
		if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
			t.Errorf("%s: %v", region, err)
		}
		key, ok := c.PublicKey.(*rsa.PublicKey)
		if !ok || key.N.BitLen() != 2048 {
			t.Errorf("%s: its key is not RSA with 2,048 bits", region)
		}
		if o := c.Subject.Organization; len(o) != 1 || o[0] != "Amazon Web Services LLC" {
			t.Errorf("%s: it is of %v", region, o)
		}
	}
}

// Whatever comes over the network, Verify neither panics nor believes it.
func FuzzVerify(f *testing.F) {
	s, err := imds.NewSigner()
	if err != nil {
		f.Fatal(err)
	}
	c, err := identity.Parse(s.Certificate())
	if err != nil {
		f.Fatal(err)
	}
	right, err := s.PKCS7([]byte(document))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(document, right)
	f.Fuzz(func(t *testing.T, text, signature string) {
		d, err := identity.Certificates{"us-west-2": c}.Verify(text, signature)
		var want identity.Document
		if err == nil && (json.Unmarshal([]byte(document), &want) != nil || text != document || d != want) {
			t.Fatalf("believes %q", text)
		}
	})
}
