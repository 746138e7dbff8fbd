{{/* Every helper takes the root context unless it says otherwise. Object names start with the release name, which is always "store". */}}

{{- define "woocommerce.secretName" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-credentials" .Release.Name) }}
{{- end }}

{{/* Labels that never change, for selectors. Takes (list root component). */}}
{{- define "woocommerce.selector" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{/* Labels of an object. Takes (list root component). */}}
{{- define "woocommerce.labels" -}}
{{- $root := first . -}}
{{ include "woocommerce.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: store
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
fleetwright.dev/plan: {{ $root.Values.plan | quote }}
{{- include "woocommerce.identity" $root }}
{{- end }}

{{- define "woocommerce.identity" -}}
{{- with .Values.store.id }}
fleetwright.dev/store: {{ . | quote }}
{{- end }}
{{- with .Values.store.uid }}
fleetwright.dev/uid: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Labels of a pod: nothing that an upgrade changes, so that a change of plan alone restarts nothing. Takes (list root component). */}}
{{- define "woocommerce.podLabels" -}}
{{- $root := first . -}}
{{- $own := merge (include "woocommerce.selector" . | fromYaml) (include "woocommerce.identity" $root | fromYaml) -}}
{{ merge $own $root.Values.podLabels | toYaml }}
{{- end }}

{{/* Takes an image value. */}}
{{- define "woocommerce.image" -}}
{{- $name := list .registry .repository | compact | join "/" -}}
{{ .digest | empty | ternary (printf "%s:%s" $name .tag) (printf "%s@%s" $name .digest) }}
{{- end }}

{{- define "woocommerce.host" -}}
{{ required "host is missing: set it to the store's host name" .Values.host }}
{{- end }}

{{/* All host names as a JSON list. */}}
{{- define "woocommerce.hosts" -}}
{{ prepend .Values.extraHosts (include "woocommerce.host" .) | uniq | toJson }}
{{- end }}

{{/* What files/setup.php applies, as JSON. */}}
{{- define "woocommerce.settings" -}}
{{- $admin := dict "user" .Values.admin.user "email" (.Values.admin.email | default (printf "admin@%s" .Values.host)) -}}
{{ dict "title" .Values.title "currency" .Values.currency "country" .Values.country "timezone" .Values.timezone "locale" .Values.locale "admin" $admin | toJson }}
{{- end }}

{{/* Pod-level fields that both pods share. Takes (list root uid). */}}
{{- define "woocommerce.podSpec" -}}
{{- $root := first . -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ last . }}
  runAsGroup: {{ last . }}
  fsGroup: {{ last . }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "woocommerce.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Takes (list root claim). */}}
{{- define "woocommerce.volume" -}}
{{- $root := first . -}}
{{- if $root.Values.persistence.enabled -}}
persistentVolumeClaim: {claimName: {{ $root.Release.Name }}-{{ last . }}}
{{- else -}}
emptyDir: {}
{{- end }}
{{- end }}

{{/* Takes (list root key): one credential as the source of an environment variable. */}}
{{- define "woocommerce.credential" -}}
valueFrom: {secretKeyRef: {name: {{ include "woocommerce.secretName" (first .) | quote }}, key: {{ last . }}}}
{{- end }}

{{/* Keys and salts of WordPress; without them every restart would sign everybody out. */}}
{{- define "woocommerce.salts" -}}
AUTH_KEY SECURE_AUTH_KEY LOGGED_IN_KEY NONCE_KEY AUTH_SALT SECURE_AUTH_SALT LOGGED_IN_SALT NONCE_SALT
{{- end }}

{{/* Environment of WordPress, for Apache and for the setup alike. */}}
{{- define "woocommerce.env" -}}
- {name: STORE_URL, value: {{ printf "%s://%s" .Values.scheme (include "woocommerce.host" .) | quote }}}
- {name: WORDPRESS_DB_HOST, value: {{ .Release.Name }}-db}
- {name: WORDPRESS_DB_NAME, value: store}
- {name: WORDPRESS_DB_USER, value: store}
- {name: WORDPRESS_DB_CHARSET, value: utf8mb4}
- name: WORDPRESS_DB_PASSWORD
  {{- include "woocommerce.credential" (list . "database-password") | nindent 2 }}
{{- range splitList " " (include "woocommerce.salts" .) }}
- name: WORDPRESS_{{ . }}
  {{- include "woocommerce.credential" (list $ (. | lower | replace "_" "-")) | nindent 2 }}
{{- end }}
- name: WORDPRESS_CONFIG_EXTRA
  # Core lives in the image, so only a new image may update it; the address follows the values, never the database.
  value: |
    define('WP_HOME', getenv('STORE_URL'));
    define('WP_SITEURL', WP_HOME);
    define('FS_METHOD', 'direct');
    define('DISALLOW_FILE_EDIT', true);
    define('WP_AUTO_UPDATE_CORE', false);
{{- end }}
