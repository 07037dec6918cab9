package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
)

type body map[string]any

// Fill fills an empty centre over its REST interface: the first administrator by the bootstrap token, then
// everything else as that administrator.
func (c *City) Fill(ctx context.Context) error {
	token, err := os.ReadFile(c.Files.bootstrap())
	if err != nil {
		return fmt.Errorf("read bootstrap token: %w", err)
	}
	admin := c.Users[0]
	centre, err := c.Client()
	if err != nil {
		return err
	}
	defer centre.Close()
	if err := centre.post(ctx, "setup", body{"token": strings.TrimSpace(string(token)), "login": admin.Name, "password": admin.Password}, nil); err != nil {
		return err
	}
	if err := centre.Login(ctx, admin.Name, admin.Password); err != nil {
		return err
	}
	for _, step := range []func(context.Context, *Client) error{
		seedPeople, seedAreas, c.seedDevices, c.seedPCSC, c.seedDoors, c.seedCards, c.seedAccounts,
	} {
		if err := step(ctx, centre); err != nil {
			return err
		}
	}
	return nil
}

// Token asks the centre, as the administrator, for the token with which the city's controller enrols once.
func (c *City) Token(ctx context.Context) (string, error) {
	centre, err := c.Client()
	if err != nil {
		return "", err
	}
	defer centre.Close()
	if err := centre.Login(ctx, c.Users[0].Name, c.Users[0].Password); err != nil {
		return "", err
	}
	var made struct{ Token string }
	err = centre.post(ctx, "controllers/"+Controller+"/token", nil, &made)
	return made.Token, err
}

func seedAreas(ctx context.Context, c *Client) error {
	for _, b := range []body{
		{"id": areaServer, "name": "電子計算機室", "grade": 3, "record": "strict", "owner": people()[0].No},
		{"id": areaArchive, "name": "書庫", "grade": 2, "record": "best_effort", "owner": people()[1].No},
	} {
		if err := c.post(ctx, "areas", b, nil); err != nil {
			return err
		}
	}
	for _, b := range []body{
		{"id": office, "name": "開庁時間(デモ: 毎日 5 時〜24 時)", "windows": weekly(everyDay, 5*60, 24*60)},
		{"id": midnight, "name": "日曜 3 時〜4 時", "windows": weekly([]int{0}, 3*60, 4*60)},
	} {
		if err := c.post(ctx, "schedules", b, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *City) seedDevices(ctx context.Context, centre *Client) error {
	if err := centre.post(ctx, "controllers", body{"name": Controller, "place": "本庁舎 3 階 EPS"}, nil); err != nil {
		return err
	}
	for _, dev := range devices() {
		if err := centre.post(ctx, "readers", body{"name": dev.name, "controller": Controller, "kind": dev.kind(), "address": dev.address}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *City) seedDoors(ctx context.Context, centre *Client) error {
	archive := []string{"IN-2"}
	if c.PCSC {
		archive = append(archive, PCSCReader)
	}
	for _, b := range []body{
		{"id": doorServer, "name": "電子計算機室 入口", "area": areaServer, "controller": Controller, "entry_readers": []string{"IN-1"}, "release_ms": 3000, "held_ms": 20000},
		{"id": doorArchive, "name": "書庫 入口", "area": areaArchive, "controller": Controller, "entry_readers": archive, "release_ms": 3000, "held_ms": 20000},
	} {
		if err := centre.post(ctx, "doors", b, nil); err != nil {
			return err
		}
	}
	return nil
}

func seedPeople(ctx context.Context, centre *Client) error {
	for _, p := range people() {
		if err := centre.post(ctx, "staff", body{"no": p.No, "name": p.Name, "kana": p.Kana, "section": p.Section}, nil); err != nil {
			return err
		}
	}
	return nil
}

// seedCards gives people their cards and rights.
func (c *City) seedCards(ctx context.Context, centre *Client) error {
	for i, p := range people() {
		for _, g := range p.Rights {
			right := body{"person": p.No, "area": g.Area}
			if g.Schedule != "" {
				right["schedule"] = g.Schedule
			}
			if err := centre.post(ctx, "rights", right, nil); err != nil {
				return err
			}
		}
		card := body{"label": fmt.Sprintf("C-%04d", i+1), "person": p.No, "credential": c.Cards[p.Card]}
		if err := centre.post(ctx, "cards", card, nil); err != nil {
			return err
		}
	}
	return nil
}

// seedAccounts comes last: with the second account that may define areas, changes of them begin to need two people.
func (c *City) seedAccounts(ctx context.Context, centre *Client) error {
	for _, u := range c.Users[1:] {
		first := rand.Text()
		if err := centre.post(ctx, "accounts", body{"login": u.Name, "staff": u.Staff, "roles": u.Roles, "password": first}, nil); err != nil {
			return err
		}
		if err := c.take(ctx, u, first); err != nil {
			return err
		}
	}
	return nil
}

// take has a user choose their own password, without which their account would not decide what the administrator asks for.
func (c *City) take(ctx context.Context, u Login, first string) error {
	own, err := c.Client()
	if err != nil {
		return err
	}
	defer own.Close()
	if err := own.Login(ctx, u.Name, first); err != nil {
		return err
	}
	return own.post(ctx, "session/password", body{"old": first, "new": u.Password}, nil)
}
