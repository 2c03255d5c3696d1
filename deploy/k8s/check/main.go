// Command check renders kustomizations as kubectl does, and reads every document of them with the types of Kubernetes itself:
// unknown kinds, unknown keys and values of a wrong type are errors. It prints the documents as a JSON array.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	documents := []json.RawMessage{}
	for _, directory := range os.Args[1:] {
		rendered, err := render(directory)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", directory, err)
			os.Exit(1)
		}
		documents = append(documents, rendered...)
	}
	if err := json.NewEncoder(os.Stdout).Encode(documents); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(directory string) ([]json.RawMessage, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme, monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	strict := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()

	documents := []json.RawMessage{}
	for _, resource := range resources.Resources() {
		document, err := resource.MarshalJSON()
		if err != nil {
			return nil, err
		}
		if _, _, err := strict.Decode(document, nil, nil); err != nil {
			return nil, fmt.Errorf("%s %s: %w", resource.GetKind(), resource.GetName(), err)
		}
		documents = append(documents, document)
	}
	return documents, nil
}
