package relay

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		url  string
		want redis.UniversalOptions
		tls  bool
	}{
		{url: "redis://localhost", want: redis.UniversalOptions{Addrs: []string{"localhost:6379"}}},
		{url: "redis://localhost/", want: redis.UniversalOptions{Addrs: []string{"localhost:6379"}}},
		{url: "redis://10.0.0.1:7000/3", want: redis.UniversalOptions{Addrs: []string{"10.0.0.1:7000"}, DB: 3}},
		{url: "redis://[::1]:7000", want: redis.UniversalOptions{Addrs: []string{"[::1]:7000"}}},
		{url: "redis://[::1]", want: redis.UniversalOptions{Addrs: []string{"[::1]:6379"}}},
		{url: "rediss://r.example:6380", tls: true, want: redis.UniversalOptions{Addrs: []string{"r.example:6380"}}},
		{url: "redis://:pw@h", want: redis.UniversalOptions{Addrs: []string{"h:6379"}, Password: "pw"}},
		{url: "redis://u:p%40%2F%3A%25@h", want: redis.UniversalOptions{Addrs: []string{"h:6379"}, Username: "u", Password: "p@/:%"}},
		{url: "redis://u:a@b:c@h", want: redis.UniversalOptions{Addrs: []string{"h:6379"}, Username: "u", Password: "a@b:c"}},
		{url: "redis://h1:1,h2:2/0?master=main", want: redis.UniversalOptions{Addrs: []string{"h1:1", "h2:2"}, MasterName: "main"}},
		{url: "redis://:pw@h1,h2:2/1?master=main&sentinelUser=su&sentinelPassword=s%26p",
			want: redis.UniversalOptions{Addrs: []string{"h1:26379", "h2:2"}, MasterName: "main", DB: 1, Password: "pw", SentinelUsername: "su", SentinelPassword: "s&p"}},
		{url: "redis://h1:1,[::1]:2?cluster=true", want: redis.UniversalOptions{Addrs: []string{"h1:1", "[::1]:2"}, IsClusterMode: true}},
		{url: "rediss://h1?cluster=true", tls: true, want: redis.UniversalOptions{Addrs: []string{"h1:6379"}, IsClusterMode: true}},
		{url: "redis://h1?cluster=false", want: redis.UniversalOptions{Addrs: []string{"h1:6379"}}},
	} {
		got, err := ParseURL(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if !slices.Equal(got.Addrs, c.want.Addrs) || got.DB != c.want.DB || got.Username != c.want.Username || got.Password != c.want.Password ||
			got.MasterName != c.want.MasterName || got.IsClusterMode != c.want.IsClusterMode ||
			got.SentinelUsername != c.want.SentinelUsername || got.SentinelPassword != c.want.SentinelPassword || (got.TLSConfig != nil) != c.tls || got.Dialer == nil {
			t.Errorf("%s: got %+v", c.url, got)
		}
	}
}

func TestParseURLErrors(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"", "must begin with"},
		{"localhost:6379", "must begin with"},
		{"http://:hush@h", "scheme"},
		{"redis://", "host 1: empty"},
		{"redis://h1,,h2?cluster=true", "host 2: empty"},
		{"redis://:hush@", "host 1: empty"},
		{"redis://:hush@h:port", "port"},
		{"redis://:hush@h:0", "port"},
		{"redis://:hush@h:65536", "port"},
		{"redis://:hush@:6379", "not a host name"},
		{"redis://:hush@::1:6379", "brackets"},
		{"redis://:hush@[::1", "IPv6"},
		{"redis://:hush@[nonsense]:1", "IPv6"},
		{"redis://:hu/sh@h", "%2F"},
		{"redis://:hu#sh@h", "%23"},
		{"redis://:hush%zz@h", "password"},
		{"redis://hush%zz@h", "user name"},
		{"redis://:hush@h/zero", "database"},
		{"redis://:hush@h/-1", "database"},
		{"redis://:hush@h/1/2", "database"},
		{"redis://:hush@h1,h2", "several hosts"},
		{"redis://:hush@h1,h2?master=", "master needs"},
		{"redis://:hush@h1,h2?master=a&master=b", "given 2 times"},
		{"redis://:hush@h1,h2?master=a&cluster=true", "exclude"},
		{"redis://:hush@h1,h2/1?cluster=true", "database 0"},
		{"redis://:hush@h?cluster=perhaps", "true or false"},
		{"redis://:hush@h?sentinelPassword=hush", "need master"},
		{"redis://:hush@h?db=1", "unknown parameter"},
		{"redis://:hush@h?master=%zz", "percent-encoded"},
	} {
		_, err := ParseURL(c.url)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ...%s...", c.url, err, c.want)
		} else if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "sh@") {
			t.Errorf("%s: the error tells a secret: %v", c.url, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("redis://u:p@h1:1,[::1]:2/0?master=main&sentinelUser=x")
	f.Add("rediss://h?cluster=true")
	f.Fuzz(func(t *testing.T, text string) {
		opt, err := ParseURL(text)
		if (opt == nil) != (err != nil) {
			t.Fatalf("options %v, error %v", opt, err)
		}
		if err == nil && len(opt.Addrs) == 0 {
			t.Error("no address")
		}
	})
}
