package api

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bizsync/bizsync/collab"
)

// StatisticsDatabase is how large the database is.
type StatisticsDatabase struct {
	Kind    string `json:"kind" enum:"sqlite,postgres"`
	Bytes   int64  `json:"bytes" doc:"On disk." example:"73400320"`
	LogRows int64  `json:"logRows" doc:"Updates that are kept one by one; about, in a large database." example:"1840"`
}

// StatisticsSpread sums durations up.
type StatisticsSpread struct {
	P50 float64 `json:"p50" doc:"Half of them took at most so many seconds; 0 when there were none." example:"0.0013"`
	P99 float64 `json:"p99" doc:"Of a hundred, 99 took at most so many seconds; 0 when there were none." example:"0.0042"`
}

// StatisticsCommits is how committing to the database goes.
type StatisticsCommits struct {
	Total    uint64 `json:"total" doc:"Since the start." example:"52310"`
	Failures uint64 `json:"failures" doc:"Tries that failed, since the start; each is made again." example:"0"`
	StatisticsSpread
}

// StatisticsMemory is what the process takes.
type StatisticsMemory struct {
	Bytes uint64 `json:"bytes" doc:"Of the whole process, as the Go runtime counts." example:"68157440"`
	Heap  uint64 `json:"heap" doc:"Of that, what is in use." example:"31457280"`
}

// Statistics are how large things are and how they go, on the server that answers.
type Statistics struct {
	Database    StatisticsDatabase `json:"database"`
	Users       int                `json:"users" doc:"Accounts of people." example:"24"`
	Guests      int                `json:"guests" doc:"Accounts that API keys have made for people of other systems." example:"3"`
	Documents   int                `json:"documents" doc:"Without those in the trash." example:"310"`
	Trashed     int                `json:"trashed" doc:"Documents in the trash." example:"4"`
	Rooms       int                `json:"rooms" doc:"Documents that this server has open." example:"12"`
	Connections int                `json:"connections" doc:"To documents, on this server." example:"19"`
	Damaged     int                `json:"damaged" doc:"Documents that could not be read to their end when this server last opened them." example:"0"`
	Commits     StatisticsCommits  `json:"commits" doc:"On this server; durations of the last minute or two."`
	Acks        StatisticsSpread   `json:"acks" doc:"From receiving an edit to its being committed; of the last minute or two."`
	Memory      StatisticsMemory   `json:"memory"`
	Goroutines  int                `json:"goroutines" example:"84"`
	Uptime      float64            `json:"uptime" doc:"Seconds since this server was started." example:"86400"`
	Version     string             `json:"version"`
	Node        string             `json:"node" doc:"This server's name."`
}

type statisticsOutput struct {
	Body Statistics
}

func (s *Server) statisticsRoutes() {
	register(s, huma.Operation{OperationID: "readStatistics", Method: http.MethodGet, Path: prefix + "/admin/statistics", Tags: []string{"Administration"}, Summary: "How large things are, and how they go",
		Description: "What is counted in the database may be a minute old. The rest is of the server that answers. Admins only."}, admin, s.readStatistics)
}

func (s *Server) readStatistics(ctx context.Context, _ *struct{}) (*statisticsOutput, error) {
	counted, err := s.store.Statistics(ctx)
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	f := s.hub.Figures()
	out := Statistics{
		Database: StatisticsDatabase{Kind: s.database, Bytes: counted.LogBytes, LogRows: counted.LogRows},
		Users:    counted.Users, Guests: counted.Guests, Documents: counted.Documents, Trashed: counted.Trashed,
		Rooms: f.Rooms, Connections: f.Connections, Damaged: f.Damaged,
		Commits:    StatisticsCommits{Total: f.Commits, Failures: f.CommitFailures, StatisticsSpread: spreadOf(f.Commit)},
		Acks:       spreadOf(f.Ack),
		Memory:     memoryInUse(),
		Goroutines: runtime.NumGoroutine(),
	}
	nodes, _ := s.hub.Nodes()
	for _, n := range nodes {
		if n.Run == s.hub.Run() {
			out.Version, out.Node, out.Uptime = n.Version, n.Name, time.Since(n.StartedAt).Seconds()
		}
	}
	return &statisticsOutput{Body: out}, nil
}

func spreadOf(s collab.Spread) StatisticsSpread {
	return StatisticsSpread{P50: s.P50.Seconds(), P99: s.P99.Seconds()}
}

// memoryInUse asks the runtime, without stopping the world.
func memoryInUse() StatisticsMemory {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(samples)
	return StatisticsMemory{Bytes: samples[0].Value.Uint64() - samples[1].Value.Uint64(), Heap: samples[2].Value.Uint64()}
}
