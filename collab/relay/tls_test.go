package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestTLS speaks to a Redis behind a certificate: with the authority known it does, without it refuses to.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, certFile, keyFile := selfSigned(t)
	tlsAddr := freeAddr(t)
	startRedis(t, "--tls-port", portOf(tlsAddr), "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no")
	for _, known := range []bool{true, false} {
		opt, err := ParseURL("rediss://" + tlsAddr)
		if err != nil {
			t.Fatal(err)
		}
		opt.TLSConfig.RootCAs = x509.NewCertPool()
		if known {
			opt.TLSConfig.RootCAs.AddCert(cert)
		}
		configure(opt)
		c := redis.NewUniversalClient(opt)
		err = c.Ping(t.Context()).Err()
		c.Close()
		if known && err != nil {
			t.Errorf("known authority: %v", err)
		}
		if !known && (err == nil || !strings.Contains(err.Error(), "unknown authority")) {
			t.Errorf("unknown authority: %v", err)
		}
	}
}

// selfSigned makes a certificate for 127.0.0.1.
func selfSigned(t *testing.T) (cert *x509.Certificate, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return cert, write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private)
}
