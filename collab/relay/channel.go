package relay

import "encoding/hex"

const (
	documentPrefix  = "document:"
	noticePrefix    = "notification:"
	controlChannel  = "bizsync:control"
	heartbeatPrefix = "bizsync:heartbeat:"
	uuidText        = 36
)

// kind is whom a message is for.
type kind uint8

const (
	toDocument kind = iota // nodes that host the document
	toUser                 // nodes on which the person may be
	toNodes                // all
)

// topic is a kind and the id of the document or person; it stands for a channel of Redis.
type topic struct {
	kind kind
	id   [16]byte // zero for toNodes
}

// channel is the topic's name in Redis: ids are in the text form of RFC 9562, in lower case.
func (t topic) channel() string {
	switch t.kind {
	case toDocument:
		return channelOf(documentPrefix, t.id)
	case toUser:
		return channelOf(noticePrefix, t.id)
	default:
		return controlChannel
	}
}

// parseChannel is the inverse of topic.channel. It takes no other spelling, so that a topic has one channel only.
func parseChannel(name string) (topic, bool) {
	if id, ok := idOf(documentPrefix, name); ok {
		return topic{toDocument, id}, true
	}
	if id, ok := idOf(noticePrefix, name); ok {
		return topic{toUser, id}, true
	}
	return topic{kind: toNodes}, name == controlChannel
}

func channelOf(prefix string, id [16]byte) string {
	var room [len(noticePrefix) + uuidText]byte
	n := copy(room[:], prefix)
	t := room[n : n+uuidText]
	hex.Encode(t[0:8], id[0:4])
	hex.Encode(t[9:13], id[4:6])
	hex.Encode(t[14:18], id[6:8])
	hex.Encode(t[19:23], id[8:10])
	hex.Encode(t[24:36], id[10:16])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return string(room[:n+uuidText])
}

func idOf(prefix, name string) (id [16]byte, ok bool) {
	if len(name) != len(prefix)+uuidText || name[:len(prefix)] != prefix {
		return id, false
	}
	text, n := name[len(prefix):], 0
	for i := range uuidText {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if text[i] != '-' {
				return [16]byte{}, false
			}
			continue
		}
		var digit byte
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digit = c - '0'
		case 'a' <= c && c <= 'f':
			digit = c - 'a' + 10
		default:
			return [16]byte{}, false
		}
		id[n/2] = id[n/2]<<4 | digit
		n++
	}
	return id, true
}
