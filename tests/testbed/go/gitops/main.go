// Command gitops judges by the diff engines of Argo CD and Flux whether an object in the cluster is what a manifest says.
//
//	gitops ENGINE NAMESPACE < manifest.json
//
// ENGINE is "argo" (the default of Argo CD), "argo-server-side" or "flux". The cluster is that of $KUBECONFIG. It prints {"drift": bool},
// and where there is drift, what is live and what the manifest would make of it. Flux applies the manifest first, as its controller does.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/fluxcd/pkg/ssa"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// The field manager of Argo CD's server-side apply.
const argoManager = "argocd-controller"

type verdict struct {
	Drift     bool            `json:"drift"`
	Live      json.RawMessage `json:"live,omitempty"`
	Predicted json.RawMessage `json:"predicted,omitempty"`
}

func main() {
	log.SetLogger(klog.Background())
	result, err := judge(context.Background())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(ctx context.Context) (*verdict, error) {
	if len(os.Args) != 3 {
		return nil, fmt.Errorf("usage: gitops argo|argo-server-side|flux NAMESPACE < manifest.json")
	}
	engine, namespace := os.Args[1], os.Args[2]
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	cluster, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	manifest := &unstructured.Unstructured{}
	if err := json.NewDecoder(os.Stdin).Decode(&manifest.Object); err != nil {
		return nil, err
	}
	manifest.SetNamespace(namespace)
	switch engine {
	case "argo":
		return argo(ctx, cluster, manifest)
	case "argo-server-side":
		_, schema, err := (&kube.KubectlCmd{Log: klog.Background(), Tracer: tracing.NopTracer{}}).LoadOpenAPISchema(config)
		if err != nil {
			return nil, err
		}
		dryRunner := diff.NewK8sServerSideDryRunner(applier{cluster})
		return argo(ctx, cluster, manifest, diff.WithServerSideDiff(true), diff.WithServerSideDryRunner(dryRunner),
			diff.WithGVKParser(schema), diff.WithManager(argoManager))
	case "flux":
		return flux(ctx, cluster, manifest)
	default:
		return nil, fmt.Errorf("there is no engine %q", engine)
	}
}

func argo(ctx context.Context, cluster client.Client, manifest *unstructured.Unstructured, options ...diff.Option) (*verdict, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(manifest.GroupVersionKind())
	if err := cluster.Get(ctx, client.ObjectKeyFromObject(manifest), live); err != nil {
		return nil, err
	}
	result, err := diff.Diff(manifest, live, options...)
	if err != nil {
		return nil, err
	}
	if !result.Modified {
		return &verdict{}, nil
	}
	return &verdict{Drift: true, Live: result.NormalizedLive, Predicted: result.PredictedLive}, nil
}

// A dry run by the API server, as Argo CD has it made by kubectl.
type applier struct{ client.Client }

func (a applier) ApplyResource(ctx context.Context, object *unstructured.Unstructured, _ cmdutil.DryRunStrategy, _, _, _ bool, manager string) (string, error) {
	predicted := object.DeepCopy()
	err := a.Patch(ctx, predicted, client.Apply, client.DryRunAll, client.ForceOwnership, client.FieldOwner(manager))
	if err != nil {
		return "", err
	}
	text, err := predicted.MarshalJSON()
	return string(text), err
}

func flux(ctx context.Context, cluster client.Client, manifest *unstructured.Unstructured) (*verdict, error) {
	manager := ssa.NewResourceManager(cluster, nil, ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"})
	if _, err := manager.Apply(ctx, manifest.DeepCopy(), ssa.DefaultApplyOptions()); err != nil {
		return nil, err
	}
	entry, live, predicted, err := manager.Diff(ctx, manifest.DeepCopy(), ssa.DefaultDiffOptions())
	if err != nil {
		return nil, err
	}
	if entry.Action == ssa.UnchangedAction {
		return &verdict{}, nil
	}
	result := &verdict{Drift: true}
	if result.Live, err = live.MarshalJSON(); err != nil {
		return nil, err
	}
	result.Predicted, err = predicted.MarshalJSON()
	return result, err
}
