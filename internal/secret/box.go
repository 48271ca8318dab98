package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// ErrSealed means that a message cannot be opened: it was modified, or it was
// sealed under a different master key.
var ErrSealed = errors.New("stored event cannot be decrypted: wrong encryption key, or modified data")

// A Box does envelope encryption: each message is encrypted under a fresh data
// key (AES-256-GCM), which is wrapped under a master key. Destroying the wrapped
// key destroys the message, however many copies of its ciphertext exist. A Box
// is safe for concurrent use.
type Box struct{ master cipher.AEAD }

// NewBox returns a Box for a 32-byte master key.
func NewBox(master []byte) (*Box, error) {
	a, err := aead(master)
	if err != nil {
		return nil, fmt.Errorf("encryption key must be 32 bytes long, is %d", len(master))
	}
	return &Box{a}, nil
}

// Seal encrypts plain. Open needs both results.
func (b *Box) Seal(plain []byte) (body, wrapped []byte, err error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, nil, err
	}
	a, err := aead(key)
	if err != nil {
		return nil, nil, err
	}
	return seal(a, plain), seal(b.master, key), nil
}

// Open decrypts the results of Seal. It returns ErrSealed if either was modified
// or sealed under a different master key.
func (b *Box) Open(body, wrapped []byte) ([]byte, error) {
	key, err := open(b.master, wrapped)
	if err != nil {
		return nil, err
	}
	a, err := aead(key)
	if err != nil {
		return nil, err
	}
	return open(a, body)
}

func aead(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, errors.New("invalid key size")
	}
	c, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(c)
}

func seal(a cipher.AEAD, plain []byte) []byte {
	return a.Seal(nil, nil, plain, nil) //nolint:gosec // this AEAD generates its own nonces
}

func open(a cipher.AEAD, sealed []byte) ([]byte, error) {
	plain, err := a.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
