package main

import (
	"context"
	"log/slog"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/secret"
	"github.com/runs-fleet/runs-fleet/internal/secret/awssecret"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// secrets are what a server proves itself with, read again while it runs. Each is nil if the settings have none.
type secrets struct {
	token, appKey, webhook *secret.Watched
}

// openSecrets reads every secret of the settings at its place.
func openSecrets(
	ctx context.Context, s settings.Settings, clock seam.Clock, random seam.Random, log *slog.Logger, kept func(),
) (*secrets, error) {
	out := &secrets{}
	for _, one := range []struct {
		of   func() (settings.Credential, bool)
		form secret.Form
		to   **secret.Watched
	}{
		{s.TokenCredential, secret.Whole, &out.token},
		{s.AppKeyCredential, secret.Whole, &out.appKey},
		{s.WebhookCredential, secret.Lines, &out.webhook},
	} {
		c, ok := one.of()
		if !ok {
			continue
		}
		former := one.to == &out.webhook // the only one of which two can be valid
		source, place, err := sourceOf(ctx, c, former, clock, random)
		if err != nil {
			return nil, err
		}
		*one.to, err = secret.Watch(ctx, secret.Options{
			What: c.Key, Place: place, Source: source, Form: one.form, Clock: clock, Logger: log, Kept: kept,
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func sourceOf(ctx context.Context, c settings.Credential, former bool, clock seam.Clock, random seam.Random) (secret.Source, string, error) {
	place := c.Place.String()
	switch {
	case c.Value != "":
		return secret.Fixed(c.Value.Reveal()), "in the environment", nil
	case c.Place.Kind == secret.File:
		return secret.FromFile(c.Place.Name), place, nil
	}
	cfg, err := awsConfig(ctx, settings.Backend{Name: place, Region: c.Place.Region})
	if err != nil {
		return nil, "", err
	}
	source, err := awssecret.New(cfg, c.Place, awssecret.Options{Clock: clock, Random: random, Former: former})
	if err != nil {
		return nil, "", err
	}
	return source, place, nil
}

// watch reads the secrets again every few minutes until the context ends.
func (s *secrets) watch(ctx context.Context) {
	for _, w := range []*secret.Watched{s.token, s.appKey, s.webhook} {
		if w != nil {
			go w.Run(ctx)
		}
	}
}

// credential is the token or the key that the server begins with.
func (s *secrets) credential() string {
	for _, w := range []*secret.Watched{s.appKey, s.token} {
		if w != nil {
			return w.Values()[0]
		}
	}
	return ""
}
