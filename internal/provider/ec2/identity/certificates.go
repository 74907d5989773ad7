package identity

import (
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"strings"
)

// Certificates are the public certificates with which a region's identity documents are verified, by the region's name.
type Certificates map[string]*x509.Certificate

// The files are the RSA-2048 certificates of the page "regions-certs", one for each region that it lists.
//
//go:embed certificates/*.pem
var published embed.FS

const folder = "certificates"

// AWS returns the certificates that AWS publishes.
func AWS() (Certificates, error) {
	files, err := published.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("listing AWS's certificates: %w", err)
	}
	all := Certificates{}
	for _, f := range files {
		text, err := published.ReadFile(path.Join(folder, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading a certificate of AWS's: %w", err)
		}
		region := strings.TrimSuffix(f.Name(), ".pem")
		if all[region], err = Parse(text); err != nil {
			return nil, fmt.Errorf("region %s: %w", region, err)
		}
	}
	return all, nil
}

var errNoCertificate = errors.New("it holds no certificate in PEM: copy the RSA-2048 one of the region from AWS's page \"regions-certs\"")

// Parse reads one certificate in PEM.
func Parse(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errNoCertificate
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	return c, nil
}
