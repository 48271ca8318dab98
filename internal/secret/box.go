package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// ErrSealed means that a message cannot be opened: it was changed, or it
// belongs to another master key.
var ErrSealed = errors.New("stored event cannot be decrypted: wrong encryption key, or it was changed")

// A Box encrypts each message under a fresh key of its own (AES-256-GCM) and
// wraps that key under a master key. Destroying the wrapped key destroys the
// message, however often its ciphertext was copied.
type Box struct{ master cipher.AEAD }

// NewBox returns a Box for a master key of 32 bytes.
func NewBox(master []byte) (*Box, error) {
	a, err := aead(master)
	if err != nil {
		return nil, fmt.Errorf("encryption key must have 32 bytes, has %d", len(master))
	}
	return &Box{a}, nil
}

// Seal encrypts plain; both results are needed to open it.
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

// Open decrypts what Seal made. Its error is ErrSealed when either part was
// changed or belongs to another master key.
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
		return nil, errors.New("key size")
	}
	c, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(c)
}

func seal(a cipher.AEAD, plain []byte) []byte {
	return a.Seal(nil, nil, plain, nil) //nolint:gosec // this AEAD draws its nonces itself
}

func open(a cipher.AEAD, sealed []byte) ([]byte, error) {
	plain, err := a.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
