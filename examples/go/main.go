// A Pulumi program in Go that has one environment of a system through Bulkhead's component provider host.
//
// It runs its own update by the Automation API:
//
//	go run . <stack> [preview|up|destroy]
//
// What the environment is made of is in <stack>.json, beside the program.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// System is bulkhead:index:System as `pulumi package add` would declare it.
type System struct {
	pulumi.ResourceState
	Urls pulumi.StringMapOutput `pulumi:"urls"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run . <stack> preview|up|destroy")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name, word string) error {
	text, err := os.ReadFile(name + ".json")
	if err != nil {
		return err
	}
	var description map[string]any
	if err := json.Unmarshal(text, &description); err != nil {
		return fmt.Errorf("%s.json: %w", name, err)
	}
	stack, err := auto.UpsertStackLocalSource(ctx, name, ".", auto.Program(environment(description)))
	if err != nil {
		return err
	}
	switch word {
	case "preview":
		_, err = stack.Preview(ctx, optpreview.ProgressStreams(os.Stdout))
	case "up":
		_, err = stack.Up(ctx, optup.ProgressStreams(os.Stdout))
	case "destroy":
		_, err = stack.Destroy(ctx, optdestroy.ProgressStreams(os.Stdout))
	default:
		return fmt.Errorf("%q is no command; use preview, up or destroy", word)
	}
	if err != nil {
		return errors.New("failed; the reason stands above") // the error itself has all that was printed, once more
	}
	return nil
}

func environment(description map[string]any) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		inputs := pulumi.Map{}
		for key, value := range description {
			inputs[key] = pulumi.Any(value)
		}
		var system System
		if err := ctx.RegisterRemoteComponentResource("bulkhead:index:System", "system", inputs, &system); err != nil {
			return err
		}
		ctx.Export("urls", system.Urls)
		return nil
	}
}
