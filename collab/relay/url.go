package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ParseURL reads the address of a Redis:
//
//	redis://[[user]:password@]host[:6379][/db]
//	redis://[[user]:password@]host[:26379],host...[/db]?master=NAME[&sentinelUser=U][&sentinelPassword=P]   (Sentinel: the hosts are sentinels)
//	redis://[[user]:password@]host[:6379],host...?cluster=true
//
// and the same with rediss:// for TLS. User, password and the values of parameters are percent-encoded. Errors never contain the URL or a part of it that may be secret.
//
// What the options dial with fails a connection whose server announces a reply of more than 1 MiB or 65,536 elements; they need protocol 2 (RESP2).
//
// It does not use net/url for the whole: that refuses several hosts, and quotes what it refuses.
func ParseURL(text string) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	opt := &redis.UniversalOptions{}
	switch {
	case !ok:
		return nil, errors.New("redis URL: must begin with redis:// or rediss://")
	case scheme == "rediss":
		opt.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	case scheme != "redis":
		return nil, errors.New("redis URL: scheme must be redis or rediss")
	}
	if strings.ContainsRune(rest, '#') {
		return nil, errors.New("redis URL: '#' must be written %23")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if strings.ContainsRune(path, '@') {
		return nil, errors.New("redis URL: '/' in a user name or password must be written %2F")
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, _ := strings.Cut(authority[:at], ":")
		var err error
		if opt.Username, err = url.PathUnescape(user); err != nil {
			return nil, errors.New("redis URL: user name is not percent-encoded correctly")
		}
		if opt.Password, err = url.PathUnescape(password); err != nil {
			return nil, errors.New("redis URL: password is not percent-encoded correctly")
		}
		authority = authority[at+1:]
	}
	cluster, err := parseParameters(opt, query)
	if err != nil {
		return nil, err
	}
	if path != "" {
		if opt.DB, err = strconv.Atoi(path); err != nil || opt.DB < 0 || opt.DB > 1<<20 {
			return nil, errors.New("redis URL: what follows the host must be the number of a database, like /0")
		}
	}
	port := "6379"
	if opt.MasterName != "" {
		port = "26379"
	}
	hosts := strings.Split(authority, ",")
	for i, host := range hosts {
		addr, err := parseHost(host, port)
		if err != nil {
			return nil, fmt.Errorf("redis URL: host %d: %w", i+1, err)
		}
		opt.Addrs = append(opt.Addrs, addr)
	}
	switch {
	case cluster && opt.MasterName != "":
		return nil, errors.New("redis URL: master (Sentinel) and cluster exclude each other")
	case cluster && opt.DB != 0:
		return nil, errors.New("redis URL: a cluster has only database 0")
	case opt.MasterName == "" && (opt.SentinelUsername != "" || opt.SentinelPassword != ""):
		return nil, errors.New("redis URL: sentinelUser and sentinelPassword need master")
	case len(hosts) > 1 && !cluster && opt.MasterName == "":
		return nil, errors.New("redis URL: several hosts need ?master=NAME (Sentinel) or ?cluster=true")
	}
	opt.IsClusterMode = cluster
	opt.Dialer = dialer(opt.TLSConfig)
	return opt, nil
}

func parseParameters(opt *redis.UniversalOptions, query string) (cluster bool, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return false, errors.New("redis URL: parameters are not percent-encoded correctly")
	}
	for name, vs := range values {
		if len(vs) != 1 {
			return false, fmt.Errorf("redis URL: parameter %.40q given %d times", name, len(vs))
		}
		switch name {
		case "master":
			if opt.MasterName = vs[0]; opt.MasterName == "" {
				return false, errors.New("redis URL: master needs the name of the monitored master")
			}
		case "cluster":
			if cluster, err = strconv.ParseBool(vs[0]); err != nil {
				return false, errors.New("redis URL: cluster must be true or false")
			}
		case "sentinelUser":
			opt.SentinelUsername = vs[0]
		case "sentinelPassword":
			opt.SentinelPassword = vs[0]
		default:
			return false, fmt.Errorf("redis URL: unknown parameter %.40q", name)
		}
	}
	return cluster, nil
}

// parseHost completes a host with its port. IPv6 addresses are in brackets.
func parseHost(text, defaultPort string) (string, error) {
	if text == "" {
		return "", errors.New("empty")
	}
	host, port := text, defaultPort
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		host, port = text[:i], text[i+1:]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errors.New("port must be a number from 1 to 65535 (a password may need percent-encoding)")
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if !ok || net.ParseIP(inner) == nil {
			return "", errors.New("not an IPv6 address in brackets")
		}
		return net.JoinHostPort(inner, port), nil
	}
	if host == "" || strings.ContainsAny(host, ":[]% \t\r\n\\") {
		return "", errors.New("not a host name (an IPv6 address goes in brackets)")
	}
	return net.JoinHostPort(host, port), nil
}
