package main

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"ceiling/bench/folder"
	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/report/prose"
)

// demoModel loads the synthetic demo model onto the CPU.
func demoModel(t *testing.T) *engine.Model {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	path := writeDemo(t)
	if err := engine.Init(engine.LibraryOptions{}); err != nil {
		t.Fatal(err)
	}
	model, err := engine.Load(context.Background(), path, engine.LoadOptions{Devices: []string{"none"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

func TestProseByModel(t *testing.T) {
	model := demoModel(t)
	for _, c := range []struct {
		word     string
		partial  bool
		sections int
		reason   string
	}{
		{proseAuto, false, 3, "synthetic"}, {proseModel, false, 3, ""}, {proseModel, true, 3, "partial"}, {proseModel, false, 0, "no scenario"},
	} {
		r := &runner{settings: settings{prose: c.word}}
		got := r.noProse(model, &result.Run{Partial: c.partial}, c.sections)
		if !strings.Contains(got, c.reason) || (got == "") != (c.reason == "") {
			t.Errorf("--prose %s, partial %v: %q, want %q", c.word, c.partial, got, c.reason)
		}
	}

	// Without a model and results: neither is looked at.
	for _, word := range []string{proseRules, proseOff} {
		r := &runner{settings: settings{prose: word}, dir: &folder.Folder{Path: t.TempDir()}}
		if r.writeProse(context.Background(), nil, nil); r.choices != nil {
			t.Errorf("--prose %s: choices", word)
		}
	}

	w := &writer{model: model, options: engine.SessionOptions{Threads: 1, FlashAttn: "auto", KVType: "f16"}}
	// The library takes 256 sequences at most: asked for more, half is tried.
	session, err := w.open(context.Background(), 300, 64)
	if err != nil {
		t.Fatal(err)
	}
	session.Close()
	if _, err := w.open(context.Background(), 2, model.Context()+1); !errors.Is(err, engine.ErrContextTooSmall) {
		t.Errorf("a context that is too small gave %v", err)
	}

	// Two texts, the first of which is asked for again.
	request := func(text string) prose.BulletRequest {
		return prose.BulletRequest{Instructions: "Do as you are told.", Prompt: "Say " + text, Grammar: `root ::= "` + text + `"`, Temperature: 1, MaxTokens: 40, Room: 80}
	}
	var got []string
	err = w.Write(context.Background(), []prose.BulletRequest{request("one"), request("two")}, func(i int, r prose.BulletReply) *prose.BulletRequest {
		got = append(got, r.Text)
		if r.PromptTokens == 0 || r.Tokens == 0 {
			t.Errorf("%+v", r)
		}
		if r.Text == "one" {
			// Goes on behind its own answer, whose tokens are there.
			again := request("three")
			again.Prompt, again.Begun = "Say one", "one, "
			return &again
		}
		if r.Text == "three" && r.PromptTokens-r.Reused > 4 {
			t.Errorf("%d tokens of the second prompt were computed again", r.PromptTokens-r.Reused)
		}
		return nil
	})
	if err != nil || len(got) != 3 || got[2] != "three" {
		t.Errorf("%v, %q", err, got)
	}
	// One that has no room for a third bullet leaves the rest to the rules.
	asked := 0
	err = w.Write(context.Background(), []prose.BulletRequest{request("one")}, func(int, prose.BulletReply) *prose.BulletRequest {
		asked++
		long := request("two")
		long.Begun = strings.Repeat("one two three ", 200)
		return &long
	})
	if err != nil || asked != 1 {
		t.Errorf("%v after %d texts", err, asked)
	}
	bad := request("one")
	bad.Grammar = "root ::= ("
	if err := w.Write(context.Background(), []prose.BulletRequest{bad}, func(int, prose.BulletReply) *prose.BulletRequest { return nil }); !errors.Is(err, engine.ErrGrammar) {
		t.Errorf("a broken grammar gave %v", err)
	}
}
