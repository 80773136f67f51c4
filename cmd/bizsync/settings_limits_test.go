package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bizsync/bizsync/api"
	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// limits are the settings of limits with their defaults, which are promised.
var limits = map[string]string{
	"limit-frame-bytes": "16777216", "limit-updates-per-second": "2000", "limit-update-burst": "20000", "limit-document-bytes": "52428800",
	"limit-awareness-bytes": "65536", "limit-sockets-per-user": "20", "limit-sockets-per-document": "1000", "limit-documents-per-socket": "1000",
	"limit-frame-structs": "500000", "limit-frame-clients": "50000", "limit-frame-delete-ranges": "100000", "limit-frame-roots": "10000", "limit-type-depth": "256",
	"limit-staged-document-bytes": "4194304", "limit-staged-node-bytes": "67108864", "limit-outbox-bytes": "33554432",
	"limit-account-attempts-per-second": "20", "limit-account-attempts-burst": "500",
	"limit-address-attempts-per-second": "100", "limit-address-attempts-burst": "1000",
	"limit-guests-per-key": "10000", "limit-members-per-document": "1000",
	"limit-unauthenticated-time": "5s", "limit-unauthenticated-bytes": "65536", "limit-unauthenticated-documents": "100",
}

// serveWith gives the settings of a server.
func serveWith(t *testing.T, args []string, env map[string]string) (*serveCommand, error) {
	t.Helper()
	p, _ := invocation(args, env)
	c, err := parse(p)
	if err != nil {
		return nil, err
	}
	return c.(*serveCommand), nil
}

func TestDefaultsOfLimits(t *testing.T) {
	var cli commands
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, group := range parser.Model.Node.Children[0].AllFlags(true) {
		for _, f := range group {
			if !strings.HasPrefix(f.Name, "limit-") {
				continue
			}
			seen++
			if want, ok := limits[f.Name]; !ok || f.Default != want {
				t.Errorf("--%s has the default %s, want %q", f.Name, f.Default, want)
			}
		}
	}
	if seen != len(limits) {
		t.Errorf("%d settings, want %d", seen, len(limits))
	}
	// Who uses the packages without the program has the same.
	c, err := serveWith(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Limit.rooms(), collab.DefaultLimits(); got != want {
		t.Errorf("limits of rooms\n%+v, package collab's own are\n%+v", got, want)
	}
	if got, want := c.Limit.stored(), (store.Limits{}).WithDefaults(); got != want {
		t.Errorf("limits of the store\n%+v, package store's own are\n%+v", got, want)
	}
}

// The smallest value of each limit is taken, from the environment too; nothing below it is, and nothing that is no number.
func TestValuesOfLimits(t *testing.T) {
	for name := range limits {
		smallest, none, below := "1", "0", "-1"
		switch {
		case strings.HasSuffix(name, "-per-second"):
			smallest = "0.001"
		case strings.HasSuffix(name, "-time"):
			smallest, none, below = "1ns", "0s", "-1ns"
		}
		if _, err := serveWith(t, []string{"--" + name, smallest}, nil); err != nil {
			t.Errorf("--%s %s: %v", name, smallest, err)
		}
		if _, err := serveWith(t, nil, map[string]string{envName(name): smallest}); err != nil {
			t.Errorf("%s=%s: %v", envName(name), smallest, err)
		}
		for _, bad := range []string{none, below, "NaN", "Inf", "many", "1e400"} {
			if _, err := serveWith(t, []string{"--" + name + "=" + bad}, nil); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("--%s=%s: %v", name, bad, err)
			}
		}
	}
}

// Each limit reaches the part of the server that heeds it, and nothing there is left without a setting.
func TestLimitsArriveWhereTheyCount(t *testing.T) {
	plain, err := serveWith(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	reached := map[string]string{} // by field: the setting
	changed := func(name string, before, after any) (fields int) {
		b, a := reflect.ValueOf(before), reflect.ValueOf(after)
		for i := range b.NumField() {
			field := fmt.Sprintf("%T.%s", before, b.Type().Field(i).Name)
			if b.Field(i).Equal(a.Field(i)) {
				continue
			}
			if other, taken := reached[field]; taken {
				t.Errorf("%s is set by --%s and by --%s", field, other, name)
			}
			if got := fmt.Sprint(a.Field(i).Interface()); got != "77" && got != (77*time.Second).String() {
				t.Errorf("--%s 77 makes %s %s", name, field, got)
			}
			reached[field] = name
			fields++
		}
		return fields
	}
	for name := range limits {
		value := "77"
		if strings.HasSuffix(name, "-time") {
			value = "77s"
		}
		c, err := serveWith(t, []string{"--" + name, value}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := changed(name, plain.Limit.rooms(), c.Limit.rooms()) + changed(name, plain.Limit.attempts(), c.Limit.attempts()) +
			changed(name, plain.Limit.stored(), c.Limit.stored()); n != 1 {
			t.Errorf("--%s changes %d limits, want one", name, n)
		}
	}
	for _, holder := range []any{collab.Limits{}, api.AttemptLimits{}, store.Limits{}} {
		for i := range reflect.TypeOf(holder).NumField() {
			if field := fmt.Sprintf("%T.%s", holder, reflect.TypeOf(holder).Field(i).Name); reached[field] == "" {
				t.Errorf("no setting reaches %s", field)
			}
		}
	}
}

func TestAuditRetentionSetting(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 0, "0": 0, "24h": day, "8760h": 365 * day} {
		c, err := serveWith(t, nil, map[string]string{"BIZSYNC_AUDIT_RETENTION": value})
		if err != nil || c.AuditRetention != want {
			t.Errorf("%q: %+v, %v, want %v", value, c, err, want)
		}
	}
	for _, bad := range []string{"23h59m", "-24h", "1y", "long"} {
		if _, err := serveWith(t, []string{"--audit-retention=" + bad}, nil); err == nil || !strings.Contains(err.Error(), "audit-retention") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestStatelessSetting(t *testing.T) {
	for _, tt := range []struct {
		args []string
		env  string
		want bool
	}{
		{nil, "", false}, {nil, "true", true}, {nil, "1", true}, {nil, "false", false}, {[]string{"--stateless"}, "", true}, {[]string{"--stateless=false"}, "true", false},
	} {
		c, err := serveWith(t, tt.args, map[string]string{"BIZSYNC_STATELESS": tt.env})
		if err != nil || c.Stateless != tt.want {
			t.Errorf("%v %q: %+v, %v, want %v", tt.args, tt.env, c, err, tt.want)
		}
	}
	if _, err := serveWith(t, nil, map[string]string{"BIZSYNC_STATELESS": "perhaps"}); err == nil || !strings.Contains(err.Error(), "stateless") {
		t.Errorf("perhaps: %v", err)
	}
}
