<?php
/**
 * Runs before Apache, in an init container: waits for the database, installs WordPress into it or brings its tables
 * up to the WordPress of this image, and applies the settings of the store that have changed since the last run.
 * Without it the first visitor of the address could install the shop and own it.
 *
 * Running it again is harmless. What somebody changed in wp-admin is overwritten only when the same setting changes
 * in the store's values afterwards. Plugins and themes are not loaded here (WP_INSTALLING), so a broken one cannot
 * keep the pod from starting.
 */

/** Option that holds the settings as last applied. Written last: while it is missing, the installation is repeated. */
const APPLIED = 'fleetwright_settings';

const DATABASE_WAIT_SECONDS = 300;

/** Connects as soon as the database answers; it usually starts together with this pod. */
function await_database(): mysqli
{
    mysqli_report(MYSQLI_REPORT_OFF);
    $deadline = time() + DATABASE_WAIT_SECONDS;
    while (true) {
        $connection = mysqli_init();
        if (@$connection->real_connect(
            getenv('WORDPRESS_DB_HOST'),
            getenv('WORDPRESS_DB_USER'),
            getenv('WORDPRESS_DB_PASSWORD'),
            getenv('WORDPRESS_DB_NAME')
        )) {
            return $connection;
        }
        if (time() >= $deadline) {
            fail('the database has not answered for ' . DATABASE_WAIT_SECONDS . ' s: ' . mysqli_connect_error());
        }
        sleep(2);
    }
}

function fail(string $reason): never
{
    fwrite(STDERR, "setup: $reason\n");
    exit(1);
}

/** Replaces WordPress' own: there is no mail server here, and the credentials are in the store's Secret. */
function wp_new_blog_notification(): void
{
}

/** Makes the language available; false when wordpress.org cannot be reached, then the next start tries again. */
function fetch_language(string $locale): bool
{
    if ($locale === 'en_US' || in_array($locale, get_available_languages(), true)) {
        return true;
    }
    require_once ABSPATH . 'wp-admin/includes/translation-install.php';
    return wp_download_language_pack($locale) !== false;
}

$settings = json_decode(file_get_contents(__DIR__ . '/settings.json'), true, 4, JSON_THROW_ON_ERROR);
$database = await_database();
// Held until this process ends: two pods that start together must not install at the same time.
$locked = $database->query("SELECT GET_LOCK('fleetwright_setup', " . DATABASE_WAIT_SECONDS . ')');
if (!$locked || (int) $locked->fetch_row()[0] !== 1) {
    fail('another pod has held the setup lock for ' . DATABASE_WAIT_SECONDS . ' s');
}

// WordPress ends with code 0 when it gives up (wp_die); a setup that did not reach its last line must not count as done.
$done = false;
register_shutdown_function(function () use (&$done): void {
    $done || exit(1);
});
define('WP_INSTALLING', true);
// Lets a database through that an interrupted installation left with only some of its tables; they are completed below.
define('WP_REPAIRING', true);
$_SERVER['HTTP_HOST'] = parse_url(getenv('STORE_URL'), PHP_URL_HOST);
// While it loads on an empty database WordPress logs an error for each missing table; that would hide real ones.
$silence = ['function' => fn () => $GLOBALS['wpdb']->suppress_errors(), 'accepted_args' => 0];
$wp_filter = ['muplugins_loaded' => [10 => [$silence]]];
require getcwd() . '/wp-load.php';
$wpdb->suppress_errors(false);
require_once ABSPATH . 'wp-admin/includes/admin.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

if (get_option(APPLIED) !== false) {
    wp_upgrade();
} else {
    // WordPress would ask its own public address for pretty permalinks, where nothing answers yet.
    $offline = fn () => new WP_Error('offline', 'no requests during installation');
    add_filter('pre_http_request', $offline);
    wp_install(
        $settings['title'],
        $settings['admin']['user'],
        $settings['admin']['email'],
        true,
        '',
        wp_slash(getenv('STORE_ADMIN_PASSWORD'))
    );
    remove_filter('pre_http_request', $offline);
    update_option('permalink_structure', '/%postname%/');
}

$options = [
    'blogname' => $settings['title'],
    'timezone_string' => $settings['timezone'],
    'woocommerce_currency' => $settings['currency'],
    'woocommerce_default_country' => $settings['country'],
];
if (fetch_language($settings['locale'])) {
    $options['WPLANG'] = $settings['locale'] === 'en_US' ? '' : $settings['locale'];
} else {
    fwrite(STDERR, "setup: language {$settings['locale']} could not be downloaded; the store stays in its present one\n");
}
$applied = get_option(APPLIED, []);
foreach ($options as $name => $value) {
    if (($applied[$name] ?? null) !== $value) {
        update_option($name, $value);
    }
}
update_option(APPLIED, $options + $applied, false);
$done = true;
