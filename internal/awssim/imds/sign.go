package imds

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Signer signs identity documents with an RSA-2048 key, as a region of AWS does (page "verify-iid").
type Signer struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

const keyBits = 2048

// NewSigner makes a signer with a key and a certificate of its own, which it issues itself as AWS's are. Making a key takes
// tenths of a second: one signer serves a whole simulation.
func NewSigner() (*Signer, error) {
	key, err := rsa.GenerateKey(nil, keyBits) // a source is ignored: keys are never reproducible
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	of := pkix.Name{
		Country: []string{"US"}, Province: []string{"Washington State"}, Locality: []string{"Seattle"}, Organization: []string{"Simulated Web Services"},
	}
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: of, Issuer: of,
		NotBefore: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(nil, plan, plan, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	return &Signer{key, c}, nil
}

// Certificate is the public certificate in PEM, the form in which the page "regions-certs" has AWS's.
func (s *Signer) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Raw})
}

// Signature is the bare signature of the SHA-256 hash, in base64.
func (s *Signer) Signature(document []byte) (string, error) {
	raw, err := s.sign(document)
	if err != nil {
		return "", err
	}
	return lines(raw), nil
}

func (s *Signer) sign(b []byte) ([]byte, error) {
	sum := sha256.Sum256(b)
	raw, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return nil, fmt.Errorf("signing an identity document: %w", err)
	}
	return raw, nil
}

// Object identifiers of PKCS #7 (RFC 2315 and RFC 5652), after their common beginnings.
func pkcs(parts ...int) asn1.ObjectIdentifier {
	return append(asn1.ObjectIdentifier{1, 2, 840, 113549, 1}, parts...)
}

func oidData() asn1.ObjectIdentifier { return pkcs(7, 1) }

func oidSHA256() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1} }

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
}

type signedData struct {
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Content          contentInfo
	Signers          []signerInfo `asn1:"set"`
}

type signerInfo struct {
	Version   int
	Issuer    issuerAndSerial
	Digest    pkix.AlgorithmIdentifier
	Attrs     asn1.RawValue // [0] IMPLICIT SET OF Attribute
	Encrypt   pkix.AlgorithmIdentifier
	Signature []byte
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue `asn1:"set"`
}

// PKCS7 is the signature with the document in it, without a certificate, in base64 without a heading: what is at rsa2048.
func (s *Signer) PKCS7(document []byte) (string, error) {
	attrs, err := attributes(document)
	if err != nil {
		return "", err
	}
	raw, err := s.sign(attrs) // of the attributes as a plain set (RFC 2315, 9.3)
	if err != nil {
		return "", err
	}
	implicit := append([]byte{0xa0}, attrs[1:]...)
	octets, err := asn1.Marshal(document)
	if err != nil {
		return "", fmt.Errorf("encoding the document: %w", err)
	}
	null := asn1.RawValue{Tag: asn1.TagNull}
	sha, rsaKey := pkix.AlgorithmIdentifier{Algorithm: oidSHA256(), Parameters: null}, pkix.AlgorithmIdentifier{Algorithm: pkcs(1, 1), Parameters: null}
	signed, err := asn1.Marshal(signedData{
		Version: 1, DigestAlgorithms: []pkix.AlgorithmIdentifier{sha},
		Content: contentInfo{oidData(), explicit(octets)},
		Signers: []signerInfo{{
			Version: 1, Issuer: issuerAndSerial{asn1.RawValue{FullBytes: s.certificate.RawIssuer}, s.certificate.SerialNumber},
			Digest: sha, Attrs: asn1.RawValue{FullBytes: implicit}, Encrypt: rsaKey, Signature: raw,
		}},
	})
	if err != nil {
		return "", fmt.Errorf("encoding the signed data: %w", err)
	}
	outer, err := asn1.Marshal(contentInfo{pkcs(7, 2), explicit(signed)})
	if err != nil {
		return "", fmt.Errorf("encoding the signature: %w", err)
	}
	return lines(outer), nil
}

// explicit puts an element into the tag 0.
func explicit(element []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: element}
}

// attributes are what is signed: the kind of content and its hash, as a set.
func attributes(document []byte) ([]byte, error) {
	sum := sha256.Sum256(document)
	kind, err := asn1.Marshal(oidData())
	digest, err2 := asn1.Marshal(sum[:])
	if err = errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("encoding the signed attributes: %w", err)
	}
	set := func(b []byte) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: b}
	}
	var all []byte
	for _, a := range []attribute{{pkcs(9, 3), set(kind)}, {pkcs(9, 4), set(digest)}} {
		b, err := asn1.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("encoding a signed attribute: %w", err)
		}
		all = append(all, b...)
	}
	b, err := asn1.Marshal(set(all))
	if err != nil {
		return nil, fmt.Errorf("encoding the signed attributes: %w", err)
	}
	return b, nil
}

// lines is base64 in lines of 64 characters.
func lines(b []byte) string {
	const width = 64
	text := base64.StdEncoding.EncodeToString(b)
	var out strings.Builder
	for len(text) > width {
		out.WriteString(text[:width] + "\n")
		text = text[width:]
	}
	out.WriteString(text)
	return out.String()
}
