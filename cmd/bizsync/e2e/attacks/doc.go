// Package attacks sends the built server what nobody should send, while a victim types in the same document and bystanders in another one.
//
// The attacks are data, one table for each level at which somebody can do harm: WebSocket frames (websocket_test.go), the messages of y-protocols
// (messages_test.go), Yjs updates (update_test.go, content_test.go), what a well-formed update means (meaning_test.go), presence (awareness_test.go), the
// connections of many documents (hocuspocus_test.go), sheer amount (flood_test.go, hog_test.go) and patience (slow_test.go). Each entry says what is sent, by
// whom, what it is after, and what must become of it.
//
// After each attack the victim, a stock client, must be able to type, and others to see it, and the process must not hold or have taken more than it may. After
// each one that stored something, and each group, the document as stored must be one that Yjs loads, changes and empties. The bystanders must not have noticed.
// In the end the process must be the same, and a new one read the same documents.
package attacks
