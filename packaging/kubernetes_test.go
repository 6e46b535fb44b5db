package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const manifests = "../contrib/kubernetes"

// objects are what kubectl apply -k sends, each read as strictly as an API
// server reads it: no field that it does not know, none twice.
type objects struct {
	deployment appsv1.Deployment
	service    corev1.Service
	config     corev1.ConfigMap
	disruption policyv1.PodDisruptionBudget
	network    networkingv1.NetworkPolicy
}

func applied(t *testing.T) objects {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), manifests)
	if err != nil {
		t.Fatal(err)
	}
	var o objects
	into := map[string]any{"Deployment": &o.deployment, "Service": &o.service, "ConfigMap": &o.config,
		"PodDisruptionBudget": &o.disruption, "NetworkPolicy": &o.network}
	for _, r := range built.Resources() {
		object, known := into[r.GetKind()]
		if !known {
			t.Fatalf("a %s, or a second one", r.GetKind())
		}
		delete(into, r.GetKind())
		strictly(t, r.MustYaml(), object)
	}
	if len(into) > 0 {
		t.Fatalf("missing: %v", into)
	}
	return o
}

func strictly(t *testing.T, text string, object any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), object); err != nil {
		t.Fatalf("%T: %v\n%s", object, err, text)
	}
}

// sidecar is what ironic.yaml adds to Ironic's pods.
func sidecar(t *testing.T) (corev1.Container, corev1.Volume) {
	t.Helper()
	var patch struct {
		Spec struct {
			Overrides struct {
				Containers []corev1.Container `json:"containers"`
				Volumes    []corev1.Volume    `json:"volumes"`
			} `json:"overrides"`
		} `json:"spec"`
	}
	strictly(t, string(read(t, filepath.Join(manifests, "ironic.yaml"))), &patch)
	o := patch.Spec.Overrides
	if len(o.Containers) != 1 || len(o.Volumes) != 1 {
		t.Fatalf("%d containers, %d volumes", len(o.Containers), len(o.Volumes))
	}
	return o.Containers[0], o.Volumes[0]
}

// TestKubernetes: the objects fit each other.
func TestKubernetes(t *testing.T) {
	o := applied(t)
	pod := o.deployment.Spec.Template
	for what, selector := range map[string]*metav1.LabelSelector{
		"the deployment": o.deployment.Spec.Selector, "the disruption budget": o.disruption.Spec.Selector,
		"the network policy": &o.network.Spec.PodSelector, "the service": metav1.SetAsLabelSelector(o.service.Spec.Selector),
		"the spread": pod.Spec.TopologySpreadConstraints[0].LabelSelector,
	} {
		s, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || s.Empty() || !s.Matches(labels.Set(pod.Labels)) {
			t.Errorf("%s does not select the pods: %v %v", what, selector, err)
		}
	}
	usher := pod.Spec.Containers[0]
	ports := map[string]int32{}
	for _, p := range usher.Ports {
		ports[p.Name] = p.ContainerPort
	}
	if diff := cmp.Diff(map[string]int32{"boot": 6386, "admin": 6387}, ports); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if o.service.Spec.Ports[0].TargetPort.StrVal != "boot" {
		t.Errorf("the service sends to %v", o.service.Spec.Ports[0].TargetPort)
	}
	if usher.StartupProbe.HTTPGet.Path != "/readyz" || usher.LivenessProbe.HTTPGet.Path != "/healthz" || usher.ReadinessProbe.HTTPGet.Path != "/healthz" {
		t.Error("the probes ask for other paths than the README says")
	}
	if *o.deployment.Spec.Replicas < 2 || o.disruption.Spec.MinAvailable.IntValue() >= int(*o.deployment.Spec.Replicas) {
		t.Errorf("%d pods, of which %v must stay: no node could be drained", *o.deployment.Spec.Replicas, o.disruption.Spec.MinAvailable)
	}
	for _, c := range []corev1.Container{usher, first(sidecar(t))} {
		if c.Image != "registry.example/usher:0.0.0" {
			t.Errorf("the image is %s, of which the README says where to change it", c.Image)
		}
	}
	mounted(t, pod.Spec)
}

func first[A, B any](a A, _ B) A { return a }

// mounted: each mount has its volume, and the configuration is the one that
// exists.
func mounted(t *testing.T, spec corev1.PodSpec) {
	t.Helper()
	volumes := map[string]corev1.Volume{}
	for _, v := range spec.Volumes {
		volumes[v.Name] = v
		if v.ConfigMap != nil && v.ConfigMap.Name != applied(t).config.Name {
			t.Errorf("volume %s is of %s", v.Name, v.ConfigMap.Name)
		}
	}
	for _, c := range spec.Containers {
		for _, m := range c.VolumeMounts {
			if _, ok := volumes[m.Name]; !ok || !m.ReadOnly {
				t.Errorf("container %s mounts %+v", c.Name, m)
			}
		}
	}
}

// ironicPod is a pod as the ironic-standalone-operator makes it and ironic.yaml
// changes it, without what is none of ours.
func ironicPod(t *testing.T) corev1.PodSpec {
	container, volume := sidecar(t)
	return corev1.PodSpec{Containers: []corev1.Container{container}, Volumes: []corev1.Volume{volume,
		{Name: "ironic-shared", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "ironic-auth", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "ironic-credentials"}}}}}
}

// TestKubernetesIsRestricted: by Kubernetes's own checks.
func TestKubernetesIsRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	check := func(name string, meta *metav1.ObjectMeta, spec corev1.PodSpec, allowed string) {
		for _, r := range evaluator.EvaluatePod(restricted, meta, &spec) {
			if !r.Allowed && r.ForbiddenReason != allowed {
				t.Errorf("%s: %s: %s", name, r.ForbiddenReason, r.ForbiddenDetail)
			}
		}
	}
	template := applied(t).deployment.Spec.Template
	check("usher-api", &template.ObjectMeta, template.Spec, "")
	pod := ironicPod(t)
	mounted(t, pod)
	// The kubelet asks at the node's loopback, since that is the pod's too: its
	// namespace has to allow hostNetwork for Ironic anyway.
	check("the sidecar", &metav1.ObjectMeta{}, pod, "probe or lifecycle host")
	// And the checks do see something.
	*pod.Containers[0].SecurityContext.AllowPrivilegeEscalation = true
	if results := evaluator.EvaluatePod(restricted, &metav1.ObjectMeta{}, &pod); !slices.ContainsFunc(results, func(r policy.CheckResult) bool {
		return r.ForbiddenReason == "allowPrivilegeEscalation != false"
	}) {
		t.Errorf("a privileged pod passes: %+v", results)
	}
}

// TestKubernetesConfiguration: Usher takes the file with the environment of
// each pod, and gets from there what it should.
func TestKubernetesConfiguration(t *testing.T) {
	program := filepath.Join(packed(t, "1.0.0"), "usr/bin/usher")
	o := applied(t)
	file := written(t, o.config.Data["usher.conf"])
	for name, c := range map[string]corev1.Container{"api": o.deployment.Spec.Template.Spec.Containers[0], "conductor": first(sidecar(t))} {
		if last := c.Args[len(c.Args)-1]; last != name {
			t.Errorf("%s runs %q", name, c.Args)
		}
		var environ []string
		for _, e := range c.Env {
			value := e.Value
			if e.ValueFrom != nil {
				value = map[string]string{"OS_DATABASE__CONNECTION": "mysql+pymysql://usher:x@db/ironic?charset=utf8"}[e.Name]
				if value == "" {
					value = "192.0.2.1"
				}
			}
			environ = append(environ, e.Name+"="+value)
		}
		cmd := exec.CommandContext(t.Context(), program, "--config-file", file, "config", "show", "--json")
		cmd.Env = environ
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		for _, e := range environ {
			if variable, _, _ := strings.Cut(e, "="); strings.HasPrefix(variable, "OS_") && !strings.Contains(string(out), "environment "+variable) {
				t.Errorf("%s: %s is no option", name, variable)
			}
		}
		for _, want := range []string{"/shared/html", "/shared/tftpboot", "sha256", "/auth/ironic-rpc/htpasswd"} {
			if !strings.Contains(string(out), `"`+want+`"`) {
				t.Errorf("%s: nothing is %s:\n%s", name, want, out)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(manifests, "README.md")); err != nil {
		t.Error(err)
	}
}
