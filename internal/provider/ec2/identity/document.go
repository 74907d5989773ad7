// Package identity verifies the identity document of an instance: what its metadata service says of it, signed by AWS (pages
// "instance-identity-documents" and "verify-iid" of the Amazon EC2 User Guide). Of the three signatures the one with the
// strongest key is used, RSA-2048, which is a PKCS #7 message with the document in it.
package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/smallstep/pkcs7"
)

// Document is what of an identity document matters.
type Document struct {
	Account  string    `json:"accountId"`
	Zone     string    `json:"availabilityZone"`
	Instance string    `json:"instanceId"`
	Type     string    `json:"instanceType"`
	Region   string    `json:"region"`
	Pending  time.Time `json:"pendingTime"` // when the instance was launched or started
}

// Errors of Verify. All are final: the same document will never be better.
var (
	ErrUnsigned = errors.New("the identity document is not signed by AWS")
	ErrRegion   = errors.New("no certificate is known for the region of the identity document")
)

// MaxBytes bounds a document and its signature: real ones have about 500 and 1,800 bytes.
const MaxBytes = 16 << 10

// Verify returns what a document says, if the signature of its region is right. The certificate is that of the region that the
// document names, and of no other: a signature of one region says nothing about another.
func (c Certificates) Verify(document, signature string) (Document, error) {
	if len(document) > MaxBytes || len(signature) > MaxBytes {
		return Document{}, fmt.Errorf("%w: it or its signature has more than %d bytes", ErrUnsigned, MaxBytes)
	}
	var d Document
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		return Document{}, fmt.Errorf("%w: it cannot be read: %w", ErrUnsigned, err)
	}
	certificate := c[d.Region]
	if certificate == nil {
		return Document{}, fmt.Errorf("%w: %q", ErrRegion, d.Region)
	}
	if err := signedBy(certificate, document, signature); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	return d, nil
}

var (
	errOther   = errors.New("the signature is of another document")
	errSigners = errors.New("it does not have exactly one signer")
)

func signedBy(certificate *x509.Certificate, document, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(signature), "")) // it comes in lines
	if err != nil {
		return fmt.Errorf("decoding the signature: %w", err)
	}
	message, err := pkcs7.Parse(raw)
	if err != nil {
		return fmt.Errorf("reading the signature: %w", err)
	}
	if len(message.Signers) != 1 {
		return errSigners // of none, nothing would be verified
	}
	if len(message.Content) > 0 && !bytes.Equal(message.Content, []byte(document)) {
		return errOther
	}
	message.Content = []byte(document)
	message.Certificates = []*x509.Certificate{certificate} // whatever it brought with it is not believed
	if err := message.Verify(); err != nil {
		return fmt.Errorf("verifying the signature: %w", err)
	}
	return nil
}
