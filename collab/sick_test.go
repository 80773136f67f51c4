package collab

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// A document that can't be committed is its own trouble: the others on the same connection are saved.
func TestASickDocumentBesideAHealthyOne(t *testing.T) {
	for _, size := range []int{10, 100_000} {
		inMany(t, Options{}, func(l *lab, p *provider, doc string) {
			other := l.docs[1].String()
			for _, d := range []string{doc, other} {
				p.says(d, auth(d+"/0"))
				p.says(d, asks(nil))
				p.says(d, syncMessage(syncStep2, []byte{0, 0}))
			}
			l.settle()
			p.hears(other)
			l.setPoison(func(b store.Batch) error {
				for _, d := range b.Documents {
					if d.Document == l.docs[0] {
						return errors.New("this document can't be committed")
					}
				}
				return nil
			})
			p.says(doc, syncMessage(syncUpdate, typing(900, 0, strings.Repeat("x", size)).Bytes()))
			time.Sleep(10 * time.Second)
			go func() { p.in <- keyedBody(other, syncMessage(syncUpdate, typing(901, 0, "y").Bytes())) }()
			time.Sleep(time.Minute)
			if got := p.hears(other); !strings.Contains(got, "saved") {
				l.Errorf("a minute after typing in the healthy document (%d bytes wait in the sick one): heard %.100q", size, got)
			}
			l.setPoison(nil)
			time.Sleep(10 * time.Second)
		})
	}
}
