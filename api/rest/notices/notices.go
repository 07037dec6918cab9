// Package notices is the caller's own inbox.
package notices

import (
	"context"
	"time"

	"kanmon/api/auth"
	"kanmon/api/rest/frame"
	"kanmon/api/rest/view"
	"kanmon/lifecycle/notice"
)

// Config is what the routes work on. All fields are needed.
type Config struct {
	Notices *notice.Register
}

// Notice is a notice in an answer.
type Notice struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind" doc:"Names the sentence; the console has its words"`
	Subject string            `json:"subject" doc:"What it is about: of the same kind and subject at most one is unread"`
	Params  map[string]string `json:"params" doc:"Of the sentence"`
	Link    string            `json:"link" doc:"Path of the console's page about it"`
	At      time.Time         `json:"at"`
	ReadAt  *time.Time        `json:"read_at,omitempty"`
}

func newNotice(n notice.Notice) Notice {
	return Notice{ID: n.ID, Kind: n.Kind, Subject: n.Subject, Params: n.Params, Link: n.Link, At: n.At.UTC(), ReadAt: view.Moment(n.ReadAt)}
}

type noticesOut struct {
	Body struct {
		Items []Notice `json:"items" nullable:"false" doc:"Newest first"`
	}
}

type noticeFilter struct {
	Unread bool   `query:"unread" doc:"Only what is unread"`
	Before string `query:"before" maxLength:"32" doc:"Only older than the notice with this id: the last one of the page before"`
	Limit  int    `query:"limit" minimum:"0" maximum:"500" doc:"0: 100"`
}

type noticeID struct {
	ID string `path:"id" maxLength:"32"`
}

type nothing struct{}

// Routes puts the operations on the frame.
func (cfg Config) Routes(f *frame.Frame) {
	s := f.Section("notices")
	frame.Get(s, "/notices", "listNotices", "What the caller was told", cfg.inbox)
	frame.Post(s, "/notices/{id}/read", "readNotice", "Say that one has read a notice", cfg.read)
}

func (cfg Config) inbox(ctx context.Context, who auth.Principal, in *noticeFilter) (*noticesOut, error) {
	all, err := cfg.Notices.Inbox(ctx, who.Actor(), notice.Filter{Unread: in.Unread, Before: in.Before, Limit: in.Limit})
	out := &noticesOut{}
	out.Body.Items = view.List(all, newNotice)
	return out, err
}

func (cfg Config) read(ctx context.Context, who auth.Principal, in *noticeID) (*nothing, error) {
	_, err := cfg.Notices.MarkRead(ctx, who.Actor(), in.ID)
	return &nothing{}, err
}
