package main

import (
	"fmt"
	"math"
	"time"

	"github.com/bizsync/bizsync/api"
	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// limitSettings bound what clients can make the server hold or do.
type limitSettings struct {
	FrameBytes        int64   `default:"16777216" help:"An inbound frame, in bytes."`
	UpdatesPerSecond  float64 `default:"2000" help:"Update frames of a connection a second; faster typing is read more slowly."`
	UpdateBurst       int     `default:"20000" help:"Update frames of a connection before that counts."`
	DocumentBytes     int     `default:"52428800" help:"A document, in bytes."`
	AwarenessBytes    int     `default:"65536" help:"One awareness state, in bytes."`
	SocketsPerUser    int     `default:"20" help:"Sockets of one user in one document."`
	SocketsPerDoc     int     `name:"sockets-per-document" default:"1000" help:"Sockets of one document."`
	DocsPerSocket     int     `name:"documents-per-socket" default:"1000" help:"Documents that one Hocuspocus socket has open."`
	FrameStructs      int     `default:"500000" help:"Structs that a frame adds."`
	FrameClients      int     `default:"50000" help:"Client ids that a frame adds."`
	FrameDeleteRanges int     `default:"100000" help:"Delete ranges that a frame adds."`
	FrameRoots        int     `default:"10000" help:"Root types that a frame adds."`
	TypeDepth         int     `default:"256" help:"How deep the types that a frame adds nest in each other."`
	StagedDocBytes    int     `name:"staged-document-bytes" default:"4194304" help:"What waits for the database, a document, in bytes."`
	StagedNodeBytes   int     `default:"67108864" help:"What waits for the database in all, in bytes."`
	OutboxBytes       int     `default:"33554432" help:"What waits for one slow reader, in bytes."`
	AccountAttempts   float64 `name:"account-attempts-per-second" default:"20" help:"Sockets that an account opens a second."`
	AccountBurst      int     `name:"account-attempts-burst" default:"500" help:"Sockets that an account opens at once."`
	AddressAttempts   float64 `name:"address-attempts-per-second" default:"100" help:"Sockets that an address opens a second."`
	AddressBurst      int     `name:"address-attempts-burst" default:"1000" help:"Sockets that an address opens at once."`

	GuestsPerKey  int `default:"10000" help:"People of another system whom one API key lets in."`
	MembersPerDoc int `name:"members-per-document" default:"1000" help:"Members of one document, such people included."`

	UnauthenticatedTime  time.Duration `default:"5s" help:"How long a Hocuspocus socket stays open without a document that it is let into."`
	UnauthenticatedBytes int           `default:"65536" help:"What such a socket may send until then, in bytes."`
	UnauthenticatedDocs  int           `name:"unauthenticated-documents" default:"100" help:"Documents that such a socket may ask for until then."`
}

// Validate is called by kong.
func (l *limitSettings) Validate() error {
	for name, v := range map[string]float64{
		"frame-bytes": float64(l.FrameBytes), "updates-per-second": l.UpdatesPerSecond, "update-burst": float64(l.UpdateBurst), "document-bytes": float64(l.DocumentBytes),
		"awareness-bytes": float64(l.AwarenessBytes), "sockets-per-user": float64(l.SocketsPerUser), "sockets-per-document": float64(l.SocketsPerDoc),
		"documents-per-socket": float64(l.DocsPerSocket), "frame-structs": float64(l.FrameStructs), "frame-clients": float64(l.FrameClients),
		"frame-delete-ranges": float64(l.FrameDeleteRanges), "frame-roots": float64(l.FrameRoots), "type-depth": float64(l.TypeDepth),
		"staged-document-bytes": float64(l.StagedDocBytes), "staged-node-bytes": float64(l.StagedNodeBytes), "outbox-bytes": float64(l.OutboxBytes),
		"account-attempts-per-second": l.AccountAttempts, "account-attempts-burst": float64(l.AccountBurst),
		"address-attempts-per-second": l.AddressAttempts, "address-attempts-burst": float64(l.AddressBurst),
		"guests-per-key": float64(l.GuestsPerKey), "members-per-document": float64(l.MembersPerDoc),
		"unauthenticated-time": l.UnauthenticatedTime.Seconds(), "unauthenticated-bytes": float64(l.UnauthenticatedBytes), "unauthenticated-documents": float64(l.UnauthenticatedDocs),
	} {
		if !(v > 0) || math.IsInf(v, 1) {
			return fmt.Errorf("limit-%s: it must be above 0, and a number", name)
		}
	}
	return nil
}

func (l *limitSettings) rooms() collab.Limits {
	return collab.Limits{
		FrameBytes: l.FrameBytes, UpdatesPerSecond: l.UpdatesPerSecond, UpdateBurst: l.UpdateBurst, DocumentBytes: l.DocumentBytes,
		AwarenessBytes: l.AwarenessBytes, SocketsPerUser: l.SocketsPerUser, SocketsPerDoc: l.SocketsPerDoc, SocketDocuments: l.DocsPerSocket,
		FrameStructs: l.FrameStructs, FrameClients: l.FrameClients, FrameDeleteRanges: l.FrameDeleteRanges, FrameRoots: l.FrameRoots, TypeDepth: l.TypeDepth,
		StagedDocBytes: l.StagedDocBytes, StagedNodeBytes: l.StagedNodeBytes, OutboxBytes: l.OutboxBytes,
		UnauthenticatedTime: l.UnauthenticatedTime, UnauthenticatedBytes: l.UnauthenticatedBytes, UnauthenticatedDocuments: l.UnauthenticatedDocs,
	}
}

func (l *limitSettings) stored() store.Limits {
	return store.Limits{Guests: l.GuestsPerKey, Members: l.MembersPerDoc}
}

func (l *limitSettings) attempts() api.AttemptLimits {
	return api.AttemptLimits{AccountPerSecond: l.AccountAttempts, AccountBurst: l.AccountBurst, AddressPerSecond: l.AddressAttempts, AddressBurst: l.AddressBurst}
}
