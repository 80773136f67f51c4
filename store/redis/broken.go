//go:build broken

package redis

// breakage names the defect that a build with tag broken has, set by the linker (-X). Such builds exist so that the fault suite can show that it notices.
var breakage string

// brokenNoExpiry makes presence outlive its node: neither records nor leases expire.
var brokenNoExpiry = breakage == "no-expiry"
