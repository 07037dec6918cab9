package demo

import (
	"context"
	"fmt"
	"os"
	"strings"
)

type body map[string]any

// seed fills an empty centre: the first administrator by the bootstrap token, then everything else as that
// administrator.
func (d *demo) seed(ctx context.Context, users []login, cards map[string]string) error {
	token, err := os.ReadFile(d.files.bootstrap())
	if err != nil {
		return fmt.Errorf("read bootstrap token: %w", err)
	}
	c := newClient(d.consoleURL())
	if err := c.post(ctx, "setup", body{"token": strings.TrimSpace(string(token)), "login": users[0].Name, "password": users[0].Password}, nil); err != nil {
		return err
	}
	if err := c.login(ctx, users[0].Name, users[0].Password); err != nil {
		return err
	}
	for _, step := range []func(context.Context, *client) error{d.seedAreas, d.seedDevices, d.seedDoors} {
		if err := step(ctx, c); err != nil {
			return err
		}
	}
	if err := seedPeople(ctx, c, cards); err != nil {
		return err
	}
	return seedAccounts(ctx, c, users[1:])
}

func (d *demo) seedAreas(ctx context.Context, c *client) error {
	for _, b := range []body{
		{"id": areaServer, "name": "電子計算機室", "grade": 3, "record": "strict"},
		{"id": areaArchive, "name": "書庫", "grade": 2, "record": "best_effort"},
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

func (d *demo) seedDevices(ctx context.Context, c *client) error {
	var made struct {
		Secret string `json:"secret"`
	}
	if err := c.post(ctx, "controllers", body{"name": controllerName, "place": "本庁舎 3 階 EPS"}, &made); err != nil {
		return err
	}
	if err := writeSecret(d.files.secret(), []byte(made.Secret+"\n")); err != nil {
		return err
	}
	for _, dev := range devices() {
		if err := c.post(ctx, "readers", body{"name": dev.name, "controller": controllerName, "kind": dev.kind(), "address": dev.address}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) seedDoors(ctx context.Context, c *client) error {
	for _, b := range []body{
		{"id": doorServer, "name": "電子計算機室 入口", "area": areaServer, "controller": controllerName, "entry_readers": []string{"IN-1"}, "release_ms": 3000, "held_ms": 20000},
		{"id": doorArchive, "name": "書庫 入口", "area": areaArchive, "controller": controllerName, "entry_readers": []string{"IN-2"}, "release_ms": 3000, "held_ms": 20000},
	} {
		if err := c.post(ctx, "doors", b, nil); err != nil {
			return err
		}
	}
	return nil
}

func seedPeople(ctx context.Context, c *client, cards map[string]string) error {
	for i, p := range people() {
		if err := c.post(ctx, "staff", body{"no": p.No, "name": p.Name, "kana": p.Kana, "section": p.Section}, nil); err != nil {
			return err
		}
		for _, g := range p.Rights {
			right := body{"person": p.No, "area": g.Area}
			if g.Schedule != "" {
				right["schedule"] = g.Schedule
			}
			if err := c.post(ctx, "rights", right, nil); err != nil {
				return err
			}
		}
		card := body{"label": fmt.Sprintf("C-%04d", i+1), "person": p.No, "credential": cards[p.Card]}
		if err := c.post(ctx, "cards", card, nil); err != nil {
			return err
		}
	}
	return nil
}

func seedAccounts(ctx context.Context, c *client, users []login) error {
	for _, u := range users {
		if err := c.post(ctx, "accounts", body{"login": u.Name, "roles": u.Roles, "password": u.Password, "final": true}, nil); err != nil {
			return err
		}
	}
	return nil
}
