package api

import (
	"testing"

	"github.com/bizsync/bizsync/store"
)

// Statistics follow what happens: an edit is a commit and an acknowledgement, a socket a connection and a room.
func TestStatistics(t *testing.T) {
	h := newHarness(t, nil)
	root, ann := h.person("root", store.RoleAdmin), h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	trashed := ann.document("Old plans", nil)
	ann.call("DELETE", "/api/v1/documents/"+trashed.ID.String(), nil).wants(204, "")
	read := func() Statistics {
		return decode[Statistics](root.call("GET", "/api/v1/admin/statistics", nil).wants(200, ""))
	}
	before := read()
	if before.Users != 2 || before.Guests != 0 || before.Documents != 1 || before.Trashed != 1 || before.Database.Kind != "sqlite" || before.Database.Bytes <= 0 || before.Damaged != 0 {
		t.Errorf("%+v", before)
	}
	if before.Rooms != 0 || before.Connections != 0 || before.Commits != (StatisticsCommits{}) || before.Acks != (StatisticsSpread{}) {
		t.Errorf("before anybody came: %+v", before)
	}
	if before.Memory.Heap == 0 || before.Memory.Bytes < before.Memory.Heap || before.Goroutines < 2 || before.Uptime <= 0 || before.Version != "test" || before.Node != "node-1" {
		t.Errorf("%+v", before)
	}
	ann.type_(d, helloUpdate(7, "default", "Grüße"))
	ann.opened(d)
	eventually(t, "only the second socket is left", func() bool { return read().Connections == 1 })
	after := read()
	if after.Rooms != 1 || after.Connections != 1 || after.Commits.Total == 0 || after.Commits.P50 <= 0 || after.Commits.P99 < after.Commits.P50 || after.Acks.P50 <= 0 || after.Uptime <= before.Uptime {
		t.Errorf("%+v", after)
	}
}
